"""What the table must reach, by column. None: the figure is shown, nothing is asked of it.

Columns: "amx", "avx512" (no AMX) and "avx2" (a machine, or a run, held to that instruction set).
"""

PEAK_SHARE = {"amx": {"int8": 0.65, "bf16": 0.65}, "avx512": {"int8": 0.60, "bf16": 0.78}}
LONG_PREFILL = {"amx": {"llama.cpp": 10.0}, "avx512": {"llama.cpp": 4.0}}
DEPTH_SHARE = {"amx": 0.85, "avx512": 0.85}
BATCH = {"amx": {16: {"llama.cpp": 3.3}, 64: {"llama.cpp": 2.5}},
         "avx512": {16: {"OpenVINO": 1.9}, 64: {"OpenVINO": 1.9}}}
TWO_SEQUENCES = 1.9
START = 1.2
MEMORY, MEMORY_EXTRA_BYTES = 1.10, 64e6

# vLLM CPU is not among the peers that can be set beside us: its figure for the 0.5B in BF16, 512 tokens, on a
# machine whose bf16 peak was measured with it; scaled by the peak of the run.
VLLM_TOKENS_PER_S, VLLM_PEAK = 887.0, 0.909e12
VLLM = {"avx512": 1.1}


def prefill(column, model):
    """{peer: ratio}"""
    if column == "avx2":
        return {"llama.cpp": 1.3}
    if model.kind == "bf16":
        return {"llama.cpp": 9.0} if column == "amx" else {}
    if not model.plain:
        return {"llama.cpp": 10.0, "OpenVINO": 1.0} if column == "amx" else {"llama.cpp": 4.0, "OpenVINO": 1.15}
    if column == "amx":
        return {"llama.cpp": 4.0 if model.shape == "7b" else 3.5, "OpenVINO": 1.0}
    return {"OpenVINO": 1.4 if model.shape == "0.5b" else 1.15}


def decode(column, model):
    """{peer: ratio}"""
    if column == "avx2":
        return {"llama.cpp": 1.0}
    return {"llama.cpp": 1.25} if column == "avx512" and model.shape == "0.5b" else {}


def decode_share(column, model):
    if column == "avx2":
        return None
    return 0.75 if model.shape == "135m" else 0.92
