"""The rows of the table: each measures us and the peers in turn, and yields its lines."""
import statistics
import sys
import tempfile

import bars

DECODED, BATCH_INPUT, BATCH_OUTPUT = 64, 128, 64
KEEP_BESIDE_BYTES = 2 << 30  # of a larger file no peer may stay in memory while another measures


class Race:
    """Who races, how often. `ours` is None where only the peers are measured."""

    def __init__(self, ours, peers, column, rounds):
        self.ours, self.peers, self.column, self.rounds = ours, peers, column, rounds

    def line(self, work, model, against, ours, peer, bar=None, sense=">=", unit="tok/s", **more):
        """`ours` and `peer` are lists of the rounds, taken in turn; the median ratio counts."""
        ratios = [mine / other for mine, other in zip(ours or [], peer or []) if mine and other]
        ratio = statistics.median(ratios) if ratios else None
        role = "prompt" if work.startswith("prefill") else "generated"
        divergence = self.ours.divergence(model, role) if ours and unit in ("tok/s", "GB/s") else None
        holds = None if ratio is None or bar is None else ratio >= bar if sense == ">=" else ratio <= bar
        return {"work": work, "model": model.name, "against": against, "unit": unit,
                "ours": statistics.median(ours) if ours else None, "peer": statistics.median(peer) if peer else None,
                "ratio": ratio, "sense": sense, "bar": bar, "holds": holds, "ours_rounds": ours, "peer_rounds": peer,
                "divergence": divergence, **more}

    def in_turn(self, model, measure_ours, measure_peer):
        """Rounds of (our report, {peer: tokens/s}); refusals are told once."""
        able = []
        for peer in self.peers:
            why = peer.refuses(model)
            if why:
                print(f"  {peer.name} refuses {model.name}: {why}", file=sys.stderr)
            else:
                able.append(peer)
        reports, theirs = [], {peer.name: [] for peer in able}
        for _ in range(self.rounds):
            if self.ours:
                reports.append(measure_ours())
            for peer in able:
                theirs[peer.name].append(measure_peer(peer))
                if model.bytes > KEEP_BESIDE_BYTES:
                    peer.close()
        return reports, theirs

    def duel(self, work, model, rate, peer_rate, wanted):
        """One line for each peer; `rate(report)` is ours. Returns the reports too."""
        reports, theirs = self.in_turn(model, *peer_rate)
        ours = [rate(report) for report in reports]
        lines = [self.line(work, model, peer, ours, rates, wanted.get(peer)) for peer, rates in theirs.items()]
        return reports, lines or ([self.line(work, model, "", ours, None)] if ours else [])


def prefill(race, models, tokens=(512, 2048)):
    for model in models:
        if model.shape == "135m":
            continue
        for count in tokens:
            reports, lines = race.duel(
                f"prefill {count}", model, lambda report: report["prefill_tokens_per_s"],
                (lambda: race.ours.latency(model, input=count), lambda peer: peer.prefill(model, count)),
                bars.prefill(race.column, model))
            yield from lines
            yield from peak_share(race, model, count, reports)
            if model.kind == "bf16" and count == 512 and reports and reports[0]["unit"].startswith("bf16"):
                yield vllm(race, model, reports)


def peak_share(race, model, count, reports):
    units = [report["unit"] for report in reports]
    if not units or not units[0]:
        return
    bar = bars.PEAK_SHARE.get(race.column, {}).get(units[0].split()[0])
    done = [report["prefill_tokens_per_s"] * report["prefill_operations_per_token"] / 1e12 for report in reports]
    peaks = [statistics.median(report["peak"]) / 1e12 for report in reports]
    yield race.line(f"prefill {count}, of the peak", model, units[0], done, peaks, bar, unit="TOP/s")


def vllm(race, model, reports):
    scaled = [bars.VLLM_TOKENS_PER_S * statistics.median(report["peak"]) / bars.VLLM_PEAK for report in reports]
    ours = [report["prefill_tokens_per_s"] for report in reports]
    return race.line("prefill 512", model, "vLLM CPU, scaled", ours, scaled, bars.VLLM.get(race.column))


def long_prefill(race, models):
    for model in only(models, "0.5b", "q4_0"):
        _, lines = race.duel("prefill 16384", model, lambda report: report["prefill_tokens_per_s"],
                             (lambda: race.ours.latency(model, input=16384), lambda peer: peer.prefill(model, 16384)),
                             bars.LONG_PREFILL.get(race.column, {}))
        yield from lines


def decode(race, models):
    for model in models:
        yield from bandwidth_share(race, model, 0, bars.decode_share(race.column, model))
        _, lines = race.duel("decode", model, lambda report: report["decode_tokens_per_s"],
                             (lambda: race.ours.latency(model, output=DECODED),
                              lambda peer: peer.decode(model, DECODED, 0)),
                             bars.decode(race.column, model))
        yield from lines


def depth(race, models):
    for model in only(models, "0.5b", "q4_0"):
        for tokens in (4096, 16384):
            yield from bandwidth_share(race, model, tokens, bars.DEPTH_SHARE.get(race.column))


def bandwidth_share(race, model, tokens, bar):
    """Five pairs of bandwidth and decode, taken in turn in one process."""
    if not race.ours:
        return
    report = race.ours.latency(model, rounds=5, output=DECODED, depth=tokens)
    read = [rate * report["decode_bytes_per_step"] / 1e9 for rate in report["decode"]]
    yield race.line(f"decode at depth {tokens}", model, "read bandwidth", read,
                    [bandwidth / 1e9 for bandwidth in report["bandwidth"]], bar, unit="GB/s",
                    tokens_per_s=report["decode_tokens_per_s"])


def batch(race, models):
    for model in [*only(models, "0.5b", "q4_0"), *only(models, "0.5b", "q4_k_m")]:
        for count in (16, 64):
            _, lines = race.duel(
                f"decode, {count} sequences", model, lambda report: report["decode_tokens_per_s"],
                (lambda: race.ours.latency(model, sequences=count, input=BATCH_INPUT, output=BATCH_OUTPUT),
                 lambda peer: peer.batch(model, count, BATCH_INPUT, BATCH_OUTPUT)),
                bars.BATCH.get(race.column, {}).get(count, {}))
            yield from lines


def pair(race, models):
    for model in only(models, "0.5b", "q4_0") if race.ours else []:
        one, two = [], []
        for _ in range(max(race.rounds, 3)):
            one.append(race.ours.latency(model, output=DECODED)["decode_tokens_per_s"])
            two.append(race.ours.latency(model, output=DECODED, sequences=2)["decode_tokens_per_s"])
        yield race.line("two sequences", model, "own one", two, one, bars.TWO_SEQUENCES)


def start(race, models):
    """A new process, a file in the page cache: packing it, and mapping what an earlier start packed."""
    for model in largest(models) if race.ours else []:
        yield start_line(race, model, "start to first token")
        with tempfile.TemporaryDirectory(prefix="packed-", dir=model.path.parent) as folder:
            race.ours.latency(model, packed_cache=folder)  # writes it
            yield start_line(race, model, "start to first token, --packed-cache", packed_cache=folder)


def start_line(race, model, work, **how):
    took, physics = [], []
    for _ in range(race.rounds):
        with model.path.open("rb", buffering=0) as file:  # warm: in the page cache
            while file.read(1 << 24):
                pass
        report = race.ours.latency(model, **how)
        took.append(report["first_token_s"])
        physics.append(4 * model.bytes / statistics.median(report["bandwidth"]))
    bar = bars.START if model.shape == "7b" else None  # of a small file, other things take longer
    return race.line(work, model, "4 x file / bandwidth", took, physics, bar, "<=", "s")


def memory(race, models):
    for model in dict.fromkeys([*only(models, "0.5b", "q4_0"), *largest(models)]) if race.ours else []:
        report = race.ours.latency(model, input=512, output=DECODED)
        held = (report["peak_rss_bytes"] - bars.MEMORY_EXTRA_BYTES) / 1e9
        yield race.line("peak memory less 64 MB", model, "file + KV pool", [held],
                        [(model.bytes + report["kv_bytes"]) / 1e9], bars.MEMORY, "<=", "GB")


def only(models, shape, kind):
    return [model for model in models if (model.shape, model.kind) == (shape, kind)]


def largest(models):
    """The 7B in Q4_0 where it is there, else the largest file."""
    return only(models, "7b", "q4_0") or sorted(models, key=lambda model: model.bytes)[-1:]


ROWS = {"prefill": prefill, "long": long_prefill, "decode": decode, "depth": depth, "batch": batch, "pair": pair,
        "start": start, "memory": memory}
