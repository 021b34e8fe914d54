"""`make bench`: what the gateway moves, costs and holds, beside what its peers do.

    python -m tools.bench                      messages per second, CPU, requests, memory, by turns
    python -m tools.bench latency              visible to POST at half of what the gateway can do
    python -m tools.bench idle                 20 routes without messages; start to ready
    python -m tools.bench bill                 requests to an SQS 10 ms away, by offered load
    python -m tools.bench scaling              routes, bodies, slow services, processes
    python -m tools.bench memory               resident memory along 100,000 messages
    python -m tools.bench soak                 1,000,000 messages: what is lost, doubled, kept
    python -m tools.bench isolation            what a hanging or shedding canary costs the others
    python -m tools.bench bodies               memory with bodies of 1 MiB

Everything runs on this machine over loopback: SQS and the services on one core, the peer under
test on another. The first takes some six minutes; it and the next four take `--write` to note their
figures in docs/reference/benchmarks.md, and run on an SQS and services of the bench's own that are
no bottleneck, the others on tools/emulator. The two `ceiling` peers show what SQS and services can
take. Peers that are somebody else's are fetched into `.bench/` at first use. BENCH_GATEWAY_ROOT is
another tree, whose gateway is measured instead.
"""
