"""`make bench`: what the gateway moves, costs and holds, beside what its peers do.

    python -m tools.bench                      messages per second, CPU, requests, memory, by turns
    python -m tools.bench variants             the same over TLS, and on FIFO with 1,000 groups
    python -m tools.bench latency              visible to POST at half of what the gateway can do
    python -m tools.bench idle                 20 routes without messages; start to ready
    python -m tools.bench bill                 requests to an SQS 10 ms away, by offered load
    python -m tools.bench scaling              routes, bodies, slow services, processes
    python -m tools.bench memory               resident memory along 100,000 messages
    python -m tools.bench soak                 1,000,000 messages: loss, duplicates, leaks
    python -m tools.bench isolation            what a hanging or overloaded canary costs the others
    python -m tools.bench bodies               memory with bodies of 1 MiB

Everything runs on this machine over loopback: SQS and the services on one core, the peer under
test on another. The first takes some six minutes. It and the next five use an SQS and services that
are made for this and are no bottleneck (fast_sqs, sink.c); with `--write` they replace figures
in docs/reference/benchmarks.md. The other modes use tools/emulator. The two `ceiling` peers show
what SQS and services can take. Other projects' programs are fetched into `.bench/` at first use.
BENCH_GATEWAY_ROOT is another tree, whose gateway is measured instead.
"""
