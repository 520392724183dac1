"""A small progress tracker: records that belong to people, as a web page and a JSON API.

It is the example application of pnl. On demand it makes the mistakes that real
applications make under parallel and repeated tests; `tracker.faults` lists them.
"""
