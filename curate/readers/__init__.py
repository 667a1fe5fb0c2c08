"""Readers: from the bytes of an input file to its records, one module a family of formats.

    inputs     which files the config means, and what identifies their content
    streams    bytes of a file: opened anywhere, decompressed within limits, cut into lines
    records    what a reader yields, and how named values become a record
    header     the template of a header line of flattened pages
    pages      one page a file: flattened text, HTML
    jsonl, delimited, parquet, warc   many records a file

A reader never raises on what a file holds. It yields a `Record`, or a `Fault` where there is none to be had, and goes
on with the next record; where a stream cannot go on it raises `streams.Damage`, after everything before the damage.
"""
