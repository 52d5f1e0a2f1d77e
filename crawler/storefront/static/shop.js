// Puts the search results into the page after load, in batches, the way the marketplace does.
(async () => {
  document.documentElement.classList.replace("a-no-js", "a-js");
  const list = document.querySelector("[data-fragment]");
  const pause = Number(list.dataset.pause);
  const wait = () => new Promise((resolve) => setTimeout(resolve, pause));
  const place = (id, html) => document.getElementById(id).insertAdjacentHTML("beforeend", html);
  try {
    for (let number = 0, more = true; more; number += 1) {
      await wait();
      const reply = await fetch(`${list.dataset.fragment}&batch=${number}`);
      if (!reply.ok) throw new Error(`HTTP ${reply.status}`);
      const part = await reply.json();
      place("search-bar", part.bar);
      list.insertAdjacentHTML("beforeend", part.html);
      place("search-pager", part.pager);
      more = part.more;
    }
  } catch (error) {
    const note = document.createElement("p");
    note.className = "note";
    note.textContent = `The results could not be loaded (${error.message}). Reload the page.`;
    list.after(note);
  }
})();
