"""/metrics: vLLM's names, and numbers that are those of what was sent. Timings on request."""
import json
import threading

import httpx
import pytest

from metrics_text import read, read_when

# What vLLM's stock Grafana dashboards ask for, older spellings too.
DASHBOARD = """
vllm:num_requests_running vllm:num_requests_waiting vllm:kv_cache_usage_perc vllm:gpu_cache_usage_perc
vllm:gpu_prefix_cache_hits_total vllm:gpu_prefix_cache_queries_total vllm:prefix_cache_hits_total
vllm:prefix_cache_queries_total vllm:time_to_first_token_seconds_bucket vllm:time_to_first_token_seconds_sum
vllm:time_to_first_token_seconds_count vllm:request_time_per_output_token_seconds_bucket
vllm:request_time_per_output_token_seconds_sum vllm:request_time_per_output_token_seconds_count
vllm:e2e_request_latency_seconds_bucket vllm:e2e_request_latency_seconds_sum vllm:e2e_request_latency_seconds_count
vllm:inter_token_latency_seconds_bucket vllm:time_per_output_token_seconds_bucket vllm:prompt_tokens_total
vllm:generation_tokens_total vllm:request_success_total vllm:request_queue_time_seconds_sum
vllm:request_prefill_time_seconds_sum vllm:request_decode_time_seconds_sum vllm:request_inference_time_seconds_sum
vllm:request_prompt_tokens_bucket vllm:request_generation_tokens_bucket
vllm:request_max_num_generation_tokens_sum vllm:request_params_n_sum vllm:request_params_max_tokens_sum
vllm:request_prefill_kv_computed_tokens_sum vllm:iteration_tokens_total_bucket vllm:num_preemptions_total
vllm:num_requests_waiting_by_reason vllm:engine_sleep_state vllm:cache_config_info vllm:prompt_tokens_cached_total
vllm:prompt_tokens_by_source_total vllm:prompt_tokens_recomputed_total vllm:external_prefix_cache_hits_total
vllm:mm_cache_queries_total vllm:spec_decode_num_accepted_tokens_total
process_resident_memory_bytes process_cpu_seconds_total
""".split()

FINISHED = "vllm:request_success_total"


def post(server, path, **body):
    return httpx.post(f"{server.url}{path}", json={"model": server.model, "temperature": 0, **body}, timeout=120)


def test_every_name_of_the_dashboards_is_there(server):
    post(server, "/v1/completions", prompt="One", max_tokens=2)
    metrics = read(server)
    missing = [name for name in DASHBOARD if name not in metrics.names()]
    assert not missing
    for name, labels, _ in metrics.samples:
        if name.startswith("vllm:") and not name.startswith("vllm:cache_config_info"):
            assert labels["model_name"] == server.model and labels["engine"] == "0", name
    assert metrics.types["vllm:request_success_total"] == "counter"
    assert metrics.types["vllm:time_to_first_token_seconds"] == "histogram"
    bounds = [labels["le"] for name, labels, _ in metrics.samples if name == "vllm:time_to_first_token_seconds_bucket"]
    assert bounds[0] == "0.001" and bounds[-2:] == ["2560", "+Inf"] and len(bounds) == 23


def test_embeddings_count_their_inputs(start_server):
    server = start_server("--max-num-seqs", "2")
    usage = post(server, "/v1/embeddings", input=["one two three", "four"]).json()["usage"]
    metrics = read_when(server, lambda m: m(FINISHED, finished_reason="stop") == 2)
    assert metrics("vllm:prompt_tokens_total") == usage["prompt_tokens"] > 2
    assert metrics("vllm:generation_tokens_total") == 0


def test_counts_are_those_of_what_was_sent(start_server):
    server = start_server("--max-num-seqs", "2")
    sent = [post(server, "/v1/completions", prompt=f"{word} is", max_tokens=6, ignore_eos=True)
            for word in ("Water", "Fire", "Earth")]
    sent.append(post(server, "/v1/chat/completions", messages=[{"role": "user", "content": "Hi"}], max_tokens=4,
                     n=2, ignore_eos=True))
    usages = [answer.json()["usage"] for answer in sent]
    metrics = read_when(server, lambda m: m(FINISHED, finished_reason="length") == 5)
    assert metrics(FINISHED, finished_reason="length") == 5  # a request with n=2 is two generations
    assert metrics("vllm:generation_tokens_total") == sum(usage["completion_tokens"] for usage in usages) == 26
    prompts = sum(usage["prompt_tokens"] for usage in usages) + usages[-1]["prompt_tokens"]
    assert metrics("vllm:prompt_tokens_total") == prompts
    assert metrics("vllm:prompt_tokens_by_source_total") == prompts
    assert metrics("vllm:request_params_n_sum") == 5 and metrics("vllm:request_params_n_count") == 4
    assert metrics("vllm:request_params_max_tokens_sum") == 6 * 3 + 4
    for name in ("time_to_first_token", "e2e_request_latency", "request_queue_time", "request_prefill_time",
                 "request_decode_time", "request_inference_time", "request_time_per_output_token"):
        assert metrics(f"vllm:{name}_seconds_count") == 5, name
    assert metrics("vllm:request_generation_tokens_sum") == 26
    assert metrics("vllm:request_prompt_tokens_sum") == prompts
    assert metrics("vllm:num_requests_running") == metrics("vllm:num_requests_waiting") == 0
    assert metrics("http_requests_total", handler="/v1/completions", method="POST", status="2xx") == 3
    assert metrics("http_request_duration_seconds_count", handler="/v1/chat/completions", method="POST") == 1
    # every token of a prompt and of an answer but the last one went through a step
    steps = metrics("vllm:iteration_tokens_total_sum") + metrics("vllm:prompt_tokens_cached_total")
    assert steps == prompts + 26 - 5


def test_reasons(start_server):
    server = start_server()
    body = {"model": server.model, "prompt": "1 2 3 4 5 6", "temperature": 0, "stream": True, "ignore_eos": True,
            "max_tokens": 4000}
    with httpx.stream("POST", f"{server.url}/v1/completions", json=body, timeout=60) as stream:
        next(stream.iter_lines())  # and away
    whole = post(server, "/v1/completions", prompt="1, 2, 3, 4, 5,", max_tokens=40).json()["choices"][0]["text"]
    stopped = post(server, "/v1/completions", prompt="1, 2, 3, 4, 5,", max_tokens=40, stop=[whole[4:8]]).json()
    assert stopped["choices"][0]["finish_reason"] == "stop"
    ends = lambda m: m(FINISHED, finished_reason="abort") == 1 and m("vllm:request_generation_tokens_count") == 3
    metrics = read_when(server, ends)
    assert metrics(FINISHED, finished_reason="abort") == 1
    assert metrics(FINISHED, finished_reason="stop") >= 1
    assert metrics(FINISHED) == 3
    assert metrics("vllm:request_decode_time_seconds_count") == 3  # also of the one a stop string ended
    assert post(server, "/v1/completions", prompt="x", max_tokens=0.5).status_code == 400
    refused = read_when(server, lambda m: "4xx" in {has.get("status") for _, has, _ in m.samples})
    assert refused("http_requests_total", handler="/v1/completions", status="4xx") == 1
    assert refused(FINISHED) == 3


def test_clients_words_make_no_labels(server):
    httpx.request("BREW", f"{server.url}/metrics")
    httpx.get(f"{server.url}/no/such/page-of-mine")
    metrics = read_when(server, lambda m: "other" in {has.get("method") for _, has, _ in m.samples})
    labels = {value for _, has, _ in metrics.samples for value in has.values()}
    assert "other" in labels and "none" in labels
    assert not any("BREW" in label or "page-of-mine" in label for label in labels)


def test_counting_is_whole_under_load(start_server):
    server = start_server("--max-num-seqs", "4")
    told = []

    def client(number):
        for i in range(4):
            answer = post(server, "/v1/completions", prompt=f"Client {number} asks {i}", max_tokens=3 + i,
                          ignore_eos=True)
            told.append(answer.json()["usage"])

    clients = [threading.Thread(target=client, args=(number,)) for number in range(6)]
    for thread in clients:
        thread.start()
    for thread in clients:
        thread.join()
    metrics = read_when(server, lambda m: m(FINISHED) == 24)
    assert metrics(FINISHED, finished_reason="length") == 24
    assert metrics("vllm:generation_tokens_total") == sum(usage["completion_tokens"] for usage in told)
    assert metrics("vllm:prompt_tokens_total") == sum(usage["prompt_tokens"] for usage in told)


TIMINGS = {"time_to_first_token_ms", "generation_time_ms", "queue_time_ms", "mean_itl_ms", "tokens_per_second"}


def test_timings_where_asked_for(server):
    plain = post(server, "/v1/completions", prompt="One two", max_tokens=5, ignore_eos=True).json()
    assert "metrics" not in plain
    asked = post(server, "/v1/completions", prompt="One two", max_tokens=5, ignore_eos=True,
                 per_request_metrics=True).json()["metrics"]
    assert set(asked) == TIMINGS and all(value >= 0 for value in asked.values())
    assert asked["mean_itl_ms"] == pytest.approx(asked["generation_time_ms"] / 4)
    working = asked["time_to_first_token_ms"] + asked["generation_time_ms"]
    assert asked["tokens_per_second"] == pytest.approx(5000 / working)
    two = post(server, "/v1/completions", prompt="One two", max_tokens=2, n=2, per_request_metrics=True).json()
    assert "metrics" not in two  # vLLM tells them of single answers only
    refused = post(server, "/v1/completions", prompt="x", per_request_metrics="yes")
    assert refused.status_code == 400 and "per_request_metrics" in refused.json()["error"]["message"]


def test_the_flag_puts_timings_into_the_last_chunk(start_server):
    server = start_server("--enable-per-request-metrics")
    body = {"model": server.model, "messages": [{"role": "user", "content": "Hi"}], "max_tokens": 3, "stream": True,
            "stream_options": {"include_usage": True}}
    with httpx.stream("POST", f"{server.url}/v1/chat/completions", json=body, timeout=60) as stream:
        chunks = [json.loads(line[6:]) for line in stream.iter_lines() if line.startswith("data: {")]
    assert [set(chunk["metrics"]) for chunk in chunks if "metrics" in chunk] == [TIMINGS]
    assert "metrics" in chunks[-1] and chunks[-1]["choices"] == []
