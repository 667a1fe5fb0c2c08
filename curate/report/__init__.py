"""What a build looks like: pages line by line, samples, figures, and the HTML they are shown in.

trail.py    where the documents of a build lie, stage by stage
samples.py  which of them to look at
pages.py    one document as it is looked at: lines, scores, verdicts
pairs.py    a near-duplicate beside what was kept in its place
figures.py  distributions before and after, scores with their thresholds
charts.py   SVG
markup.py   HTML in which nothing that a page says can run
write.py    report.html
"""
