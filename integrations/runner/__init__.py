"""The program beside the data: it carries out listed operations, once, and outlives whoever asked for them.

It uses the standard library alone and knows nothing of the rest of the project.
"""
