"""Files and data sets whose examples are of other kinds than labelled texts, one module a format.

Every module has ``load(name, config, split, cache)``, which returns the task's ``Examples``. A module reads its format into
``parts.Rows``, whose targets still are names; ``kinds`` numbers these names and checks that the task can be learnt.
"""
