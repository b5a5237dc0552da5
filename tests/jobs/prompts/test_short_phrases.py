"""Languages of prompts of a few words: phrases that no threshold was set on."""

from jobs.prompts.analyse import language

ENGLISH = """waves at dawn; two cats; making bread; city rain; slow train home; birthday cake; red fox in snow; grandpa fishing; bicycle race;
desert stars; learn to swim; why cats purr; open your heart; new phone ad; free coffee today; a boy and his dog; windy hill; crowded market;
fireworks over the bay; paper boats; rust and moss; the last leaf; skaters in the park; hot air balloons; empty classroom; night bus;
Xi'an city wall; Dubrovnik from above; Ibiza party; Havana cars; Saigon traffic; Cusco festival; burrito stand; ravioli from scratch;
matcha ice cream; pho for breakfast; Goethe house; Frida Kahlo portrait; Mozart on piano; Messi scores; origami swan; sauna in winter;
safari sunrise; tsunami warning; karaoke night; ninja training; espresso art; tulip fields; harbor cranes; violin lesson; planet Saturn;
polar bear cub; hidden waterfall; zen garden; ghost town; yacht sale; solar panels; quiz night; velvet curtain; lava lamp""".replace("\n", " ").split("; ")
FOREIGN = """das Meer am Morgen; zwei kleine Katzen; der Zug nach Hause; wir backen Brot; Kinder im Schnee; alles Gute zum Geburtstag; ein roter Fuchs;
Blumen auf der Wiese; Nacht über Hamburg; wie Vulkane entstehen; les vagues du matin; deux petits chats; le train de nuit; joyeux anniversaire;
un renard dans la neige; fleurs des champs; comment naissent les volcans; une ville sous la pluie; le marché du village; nous dansons ce soir;
olas al amanecer; dos gatitos pequeños; el tren de la noche; feliz cumpleaños; un zorro en la nieve; flores del campo; cómo nacen los volcanes;
mercado del pueblo; bailamos esta noche; lluvia de verano; onde all'alba; due piccoli gatti; il treno di notte; buon compleanno; una volpe nella neve;
fiori di campo; come nascono i vulcani; il mercato del paese; balliamo stasera; ondas ao amanhecer; dois gatinhos; feliz aniversário;
uma raposa na neve; flores do campo; golven in de ochtend; twee kleine katten; de trein naar huis; gefeliciteerd met je verjaardag;
vågor i gryningen; två små katter; tåget hem; grattis på födelsedagen; fale o świcie; dwa małe koty; pociąg do domu; sabah dalgaları; iki küçük kedi;
ombak di pagi hari; dua kucing kecil; kaksi pientä kissaa""".replace("\n", " ").split("; ")


def test_english_phrases_are_hardly_ever_refused() -> None:
    refused = [text for text in ENGLISH if language(text) != "en"]
    assert len(ENGLISH) == 60
    assert len(refused) <= 2, refused


def test_foreign_phrases_hardly_ever_pass_as_english() -> None:
    passed = [text for text in FOREIGN if language(text) == "en"]
    assert len(FOREIGN) == 60
    assert len(passed) <= 6, passed
