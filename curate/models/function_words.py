"""Function words of languages that news is written in: prose is full of them, navigation is not.

Articles, prepositions, conjunctions, pronouns and auxiliaries, in the languages' own everyday forms; no stemming.
Scripts without spaces have function characters instead.
"""

from __future__ import annotations

_WORDS = """
the of and to in a an is that for was on with as by it at from his her he she they we you i has have had be been are
were said but not this these those which who what when where how if or so than then there their them its our your my
will would can could should may might do does did no into about after before over under between because while all
der die das den dem des und oder aber ist im in von zu zum zur mit sich auf für nicht ein eine einen einem einer
als auch es er sie wir ihr ich hat haben hatte wird werden wurde war sind sein bei nach aus um an noch nur wie wenn
dass
le la les l un une des du de d et ou mais est sont était que qui dans par sur pas plus au aux avec ce cette ces se il
elle ils on nous vous je son sa ses leur pour en été être avoir fait comme
el los las lo y o pero es son era fue ser del al una por con para su sus se que como más no ha han había entre sobre
il lo gli i una di del della dei delle da dal nel nella che è sono era per non si con su ma anche come più ha hanno
o os as um uma do da dos das em no na nos nas que não para por com se mais foi são ao pelo pela ele ela
het een van de dat die op te zijn voor niet met aan er maar om ook als bij uit naar heeft hebben werd wordt door
w z na do i że się nie jest to o od po jak przez oraz za dla ale był była było są ich jego jej który która które tym
v a je se že na s z do po pro za by jako ale byl byla bylo jsou který která které při tak i k
si že sa na je v do za so pre od sú ako ale bol bola
и в не на что с по как это из он она они к от за о для его её но у а также был была было были бы же то мы вы я так
і в на що з та до не як це від за для але його її був була було у про
и на в за се да от е не са с по като че но му й ще до при
και το της την του τον τα να η ο οι που με στο στη στην από για των είναι θα σε δεν ότι κι ως αλλά
och att det som en ett på är av för med till den de har inte om var men sig så från han hon vi
og at det som en et på er av for med til den de har ikke om var men seg så fra han hun vi jeg af blev
ja on ei se että oli hän joka mutta kun myös ovat
ve bir bu için ile de da olarak çok olan ne gibi daha kadar sonra ancak var
a az egy és hogy nem is volt ez de meg el csak már mint
și de la în cu pe din nu că este un o care pentru mai sunt fi au fost dar
u je i se na da su za od s koji koja koje ne kao ali bio bila
et est in non ad cum ut sed qui quae quod
في من على إلى أن عن مع هذا هذه التي الذي كان كانت لا ما قال بين بعد
و در به از که این را با است برای آن یک تا بود شد می های
של את על לא הוא היא עם זה כי גם אל או כל אבל היה
और का के की में से है को ने पर यह कि हैं भी था थी एक नहीं
کے کی میں کا ہے سے اور کو نے پر یہ کہ ہیں بھی نہیں تھا ایک
yang dan di ke dari untuk dengan ini itu pada tidak adalah dalam akan oleh juga telah
ang ng sa mga na at ay si ni kay para
và của là có được cho trong không với các những một này đã để người
"""

FUNCTION_WORDS = tuple(_WORDS.split())
FUNCTION_CHARACTERS = tuple(
    "的了在是和有不这中上为与对也将就到他她我们说着这那はをがのにとでもしたますいるれ이가을를은는에의도로와과ที่และใน"
)
