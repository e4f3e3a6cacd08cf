"""What this machine has to train on."""

import keras


def settings():
    """What should train fastest on this device; notebook 09 measures it.

    Returns
    -------
    dict
        `precision`, for `models.build`: "mixed_float16" on a GPU, whose tensor cores multiply numbers of 16 bits
        several times as fast, else "float32". `jit` and `steps_per_execution`, for a recipe: XLA on a GPU, and eight
        steps at a time there, since small batches leave it waiting for Python; on a processor neither, but JAX
        compiles everywhere.
    """
    gpu = bool(_gpus())
    jit = gpu and keras.backend.backend() != "torch" or keras.backend.backend() == "jax"
    return {
        "precision": "mixed_float16" if gpu else "float32",
        "jit": jit,
        "steps_per_execution": 8 if gpu and keras.backend.backend() != "torch" else 1,
    }


def device():
    """What the network runs on, in words.

    Returns
    -------
    str
        Keras's backend and its devices, for example ``"tensorflow on gpu:0"``.
    """
    names = _gpus() or keras.distribution.list_devices("cpu")
    return f"{keras.backend.backend()} on {', '.join(names)}"


def _gpus():
    try:
        return keras.distribution.list_devices("gpu")
    except RuntimeError:  # JAX's way to say that there is none
        return []
