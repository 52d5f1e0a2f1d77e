"""The classes that come with the project: their words turn away what they should, and no more."""

from __future__ import annotations

from pathlib import Path

import pytest

import crawler
from crawler.classes import load_classes
from crawler.words import found_phrase

LANGUAGES = ("de", "en", "es", "fr", "it", "ja", "nl", "pt")

WANTED = {
    "jeans": {
        "es": ["Levi's 501 Vaqueros Hombre, azul oscuro", "Pantalón vaquero slim con cinturón"],
        "it": ["Jeans uomo slim fit elasticizzati", "Diesel Pantaloni in denim con cintura, blu"],
        "ja": [
            "[リーバイス] ジーンズ メンズ 501 ストレート",
            "デニムパンツ メンズ ベルト付き 大きいサイズ",
        ],
        "nl": ["Heren jeans slim fit, donkerblauw", "Spijkerbroek met riem voor heren"],
        "pt": ["Calça jeans masculina skinny com elastano", "Calça Jeans Masculina Slim com cinto"],
    },
    "trousers": {
        "es": [
            "Pantalones de vestir para hombre, corte recto",
            "Pantalón chino hombre con cinturón",
        ],
        "it": ["Pantaloni eleganti da uomo, vita alta", "Pantaloni chino uomo con cintura"],
        "ja": ["スラックス メンズ ストレッチ ノータック", "ビジネスパンツ 洗える ベルト付き"],
        "nl": ["Heren pantalon slim fit", "Nette broek voor heren met riem"],
        "pt": ["Calça social masculina slim oxford", "Calça Social com cinto, preta"],
    },
    "saree": {
        "de": [
            "Damen Banarasi Seide Saree mit Blusenstück",
            "Indischer Sari mit Bluse und Unterrock-Set",
        ],
        "es": ["Sari indio de seda con blusa", "Saree de algodón para mujer con enagua"],
        "fr": ["Sari indien avec jupon pour femme", "Saree brodé, broché, avec blouse non cousue"],
        "it": ["Sari indiano in seta con camicetta", "Saree da donna con sottogonna"],
        "ja": ["インド サリー シルク ペチコート付き", "サリー 民族衣装 レディース 体型カバー"],
        "nl": ["Indiase sari van zijde met blouse", "Saree voor dames met onderrok"],
        "pt": ["Sari indiano de seda com blusa", "Saree feminino com anágua"],
    },
}

UNWANTED = {
    "jeans": {
        "es": ["Vaqueros de mujer talle alto", "Cinturón de cuero para vaqueros", "Falda vaquera"],
        "it": ["Jeans da donna", "Cintura in pelle per jeans", "Giacca di jeans uomo"],
        "ja": ["レディースジーンズ", "メンズ ベルト 本革 ジーンズ用", "デニムジャケット メンズ"],
        "nl": ["Damesjeans hoge taille", "Leren riem voor jeans", "Spijkerjas heren"],
        "pt": [
            "Calça jeans feminina",
            "Cinto de couro para calça jeans",
            "Jaqueta jeans masculina",
        ],
    },
    "trousers": {
        "es": ["Perchas para pantalones", "Vaqueros hombre", "Tirantes para pantalón"],
        "it": ["Grucce per pantaloni", "Jeans uomo", "Bretelle uomo eleganti"],
        "ja": ["ズボンハンガー 10本", "メンズジーンズ", "サスペンダー メンズ"],
        "nl": ["Broekhangers 10 stuks", "Herenjeans", "Bretels heren"],
        "pt": ["Cabides para calça", "Calça jeans masculina", "Suspensório masculino"],
    },
    "saree": {
        "de": ["Saree Shapewear für Damen", "Sari-Puppe aus Holz", "Saree-Aufbewahrungstasche"],
        "es": ["Enaguas para sari", "Fundas para sari", "Muñeca india con sari"],
        "fr": ["Jupon pour sari", "Housse de rangement pour sari", "Poupée indienne en sari"],
        "it": ["Sottogonna per sari", "Custodie per sari", "Bambola indiana in sari"],
        "ja": ["サリー用ペチコート", "サリー 収納ケース", "サリーの人形"],
        "nl": ["Onderrok voor sari", "Opbergtas voor sari's", "Indiase poppen in sari"],
        "pt": ["Anágua para sari", "Organizador de sari", "Boneca indiana com sari"],
    },
}


def cases(titles):
    return [
        (label, language, title)
        for label, by_language in titles.items()
        for language, found in by_language.items()
        for title in found
    ]


@pytest.fixture(scope="module")
def classes():
    path = Path(crawler.__file__).parent / "classes.toml"
    return {
        language: {wanted.label: wanted for wanted in load_classes(path, language)}
        for language in LANGUAGES
    }


@pytest.mark.parametrize("language", LANGUAGES)
def test_each_class_has_words_in_each_language_that_it_is_searched_in(classes, language):
    assert all(wanted.must_not for wanted in classes[language].values())


@pytest.mark.parametrize(("label", "language", "title"), cases(WANTED))
def test_a_wanted_title_is_kept(classes, label, language, title):
    assert found_phrase(title, classes[language][label].must_not) == ""


@pytest.mark.parametrize(("label", "language", "title"), cases(UNWANTED))
def test_another_garment_or_an_accessory_is_turned_away(classes, label, language, title):
    assert found_phrase(title, classes[language][label].must_not)
