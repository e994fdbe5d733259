"""Writes what is at an address to a file, in large pieces so that it takes little of what it measures, and prints the seconds:
download.py URL KEY FILE"""
import http.client
import sys
import time
from urllib.parse import quote, urlsplit

PIECE = 1024 * 1024

url, key, file = sys.argv[1:]
parts = urlsplit(url)
connection = http.client.HTTPConnection(parts.hostname, parts.port)
began = time.perf_counter()
connection.request("GET", f"{parts.path}?{quote(parts.query, safe='=&,%')}", headers={"Authorization": f"Bearer {key}"})
answer = connection.getresponse()
if answer.status != 200:
    sys.exit(f"{url} answers {answer.status}")
with open(file, "wb") as out:
    while piece := answer.read1(PIECE):
        out.write(piece)
print(f"{time.perf_counter() - began:.3f}")
