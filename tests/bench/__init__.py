"""`make bench`: what the gateway moves, costs and holds, beside what a plain consumer does.

    python -m tests.bench                      messages per second, CPU, requests, memory, by turns
    python -m tests.bench latency --rate 1000  visible to POST at an offered load
    python -m tests.bench memory               resident memory along 100,000 messages
    python -m tests.bench soak                 1,000,000 messages: what is lost, doubled, kept
    python -m tests.bench isolation            what a hanging or shedding canary costs the others
    python -m tests.bench bodies               memory with bodies of 1 MiB

Everything runs on this machine over loopback: the emulator and the services on one core, the peer
under test on another. The two `ceiling` peers show what emulator and services could take.
"""
