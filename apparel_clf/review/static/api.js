// Talks to the server: reads, and writes that carry the run's token, one after the other.

const KEPT = "review-token";
const token = location.hash.slice(1) || sessionStorage.getItem(KEPT) || "";
if (token) sessionStorage.setItem(KEPT, token);

/** Whether this page may decide; without the run's token it only shows. */
export const mayDecide = token !== "";

let last = Promise.resolve();

async function answer(response) {
  const values = await response.json();
  if (!response.ok) throw new Error(values.error || response.statusText);
  return values;
}

/** Read JSON from the server. */
export async function read(path) {
  return answer(await fetch(path, { cache: "no-store" }));
}

/** Send a decision; keys pressed in a row reach the server in their order. */
export function write(path, body = {}) {
  const sent = last.then(async () => {
    const headers = { "Content-Type": "application/json", "X-Review-Token": token };
    const options = { method: "POST", headers, body: JSON.stringify(body), priority: "high" };
    return answer(await fetch(path, options));
  });
  last = sent.catch(() => {});
  return sent;
}
