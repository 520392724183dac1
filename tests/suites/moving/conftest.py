import os
import sys

pid = os.fork()
if pid == 0:
    os._exit(0)
os.waitpid(pid, 0)

# A child that goes on for as long as its parent holds the pipe.
READ, WRITE = os.pipe()
CHILD = os.fork()
if CHILD == 0:
    os.close(WRITE)
    os.read(READ, 1)
    os._exit(0)
os.close(READ)

os.chdir(os.path.join(os.path.dirname(__file__), "b"))
