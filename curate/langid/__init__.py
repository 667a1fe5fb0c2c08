"""What the stage `language` is made of.

detectors    langdetect, py3langid and fastText behind one function
languages    the table of codes
gates        texts that no detector should see: too short, no letters, nothing like a language
confidence   a calibrated probability beside the detector's score
paragraphs   languages of the paragraphs of a document
contrast     articles in another language than the page around them, for the boilerplate stage
"""
