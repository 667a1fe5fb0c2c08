"""Files that the user names and what they say of a text: what the stage `quality` scores and counts with.

files          a file whose checksum is part of the config
fasttext_file  what a fastText file says of itself
classifier     a fastText classifier: a score a document
perplexity     a KenLM model: how little a document surprises it
tokens         a tokenizer: how many tokens a document has
"""
