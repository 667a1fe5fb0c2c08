"""Rules about prose: what the stage `quality` is made of.

words       the words of a batch of texts and the n-grams that they repeat
taking_out  lines that go before anything is measured
measures    what each rule looks at, a row a document
stop_words  how many different stop words of its language a document has
rules       reasons, presets, and dropping by a limit
"""
