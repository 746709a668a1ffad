"""TF_CONFIG: the processes that train together, and this one's place among them."""

import json

from frcnn_keras.errors import InputError


def place(tf_config: str) -> tuple[int, int]:
    """This process's number and the number of processes, of a TF_CONFIG; the chief is 0.

    Raises:
        InputError: it is empty, no JSON, or names no such process.
    """
    example = ('{"cluster": {"worker": ["host0:2222", "host1:2222"]}, "task": {"type": "worker", "index": 0}}')
    if not tf_config.strip():
        raise InputError(f"--strategy multiworker needs the environment variable TF_CONFIG, for example {example}")
    try:
        found = json.loads(tf_config)
        cluster, task = found["cluster"], found["task"]
        chiefs, workers = (list(cluster.get(kind, ())) for kind in ("chief", "worker"))
        kind, index = task["type"], int(task["index"])
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(f"TF_CONFIG: not as TensorFlow wants it ({type(error).__name__}: {error}); it must look like "
                         f"{example}") from error
    odd = sorted(set(cluster) - {"chief", "worker"})
    if odd or len(chiefs) > 1:
        raise InputError(f"TF_CONFIG: the cluster may have workers and one chief; it has {', '.join(odd or cluster)}")
    addresses = [*chiefs, *workers]
    for address in addresses:
        if not isinstance(address, str) or not address.rpartition(":")[2].isdigit():
            raise InputError(f"TF_CONFIG: {address!r} is no address; give host:port")
    if len(set(addresses)) != len(addresses):
        raise InputError(f"TF_CONFIG: an address stands there twice: {', '.join(addresses)}")
    own = {"chief": chiefs, "worker": workers}.get(kind, [])
    if not 0 <= index < len(own):
        raise InputError(f"TF_CONFIG: the cluster has no task {kind} {index}; it has {len(chiefs)} chief and "
                         f"{len(workers)} workers")
    return index + (len(chiefs) if kind == "worker" else 0), len(addresses)
