"""What the stage `metadata` is made of.

markup       what the source of an HTML page says: JSON-LD, meta tags, time elements
bylines      who wrote a page, from the lines around the start of its body
dates        dates in many formats and languages
"""
