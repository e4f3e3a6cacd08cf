"""The networks of Fella and Pedrazzi's study of fma_small. Explained in notebooks 04, 07 and 08.

The baselines follow Zhang et al. (Interspeech 2016). The figures, which gave the sizes of most layers, are lost to us;
the text leaves two numbers, the 64 feature maps that the third convolution receives and the classifier's widths.
"""

import keras
from keras import layers

from ._layers import check_input

DENSE = (1_024, 512, 128)


def build_baseline_a_1d(
    input_shape=(160_000, 1), n_classes=8, filters=64, window=512, kernel=4, pool=4, dense=DENSE, dropout=0.0
):
    """Baseline A on the waveform: three convolutions, global pooling, a classifier.

    Parameters
    ----------
    input_shape : tuple of int
        ``(n_samples, 1)``: by default 10 s at 16,000 Hz.
    n_classes : int
    filters : int
        Of each convolution; 64 is what the third receives according to the paper, V.
    window : int
        Kernel of the first convolution in samples, half of which is its stride: a filter bank with 50 % overlap that
        the network learns. The paper does not give it.
    kernel, pool : int
        Kernel of the other convolutions and size of the max-pooling after the first two. The paper does not give them.
    dense : tuple of int
        Units of the classifier's hidden layers.
    dropout : float
        Rate after each of them. The paper mentions none.

    Returns
    -------
    keras.Model

    Raises
    ------
    ValueError
        If the input is no waveform of at least 16,384 samples.

    References
    ----------
    FMA study, V; Zhang et al. (2016); notebook 04.
    """
    check_input(input_shape, "n_samples")
    inputs = keras.Input(input_shape, name="wave-input")
    x = wave_features(inputs, filters, window, kernel, pool)
    x = max_and_mean(x, layers.GlobalMaxPooling1D, layers.GlobalAveragePooling1D)
    return keras.Model(inputs, classifier(x, n_classes, dense, dropout), name="baseline_a_1d")


def build_baseline_a_2d(input_shape=(128, 513, 1), n_classes=8, filters=64, kernel=4, pool=2, dense=DENSE, dropout=0.0):
    """Baseline A on the mel-spectrogram: the first convolution sees all frequencies at once.

    Parameters
    ----------
    input_shape : tuple of int
        ``(n_frames, n_mels, 1)``: by default 10 s at 22,050 Hz in windows of 3,472 samples.
    n_classes : int
    filters : int
        Of each convolution.
    kernel : int
        Frames that each convolution sees: 4 for the first according to the paper (513 x 4).
    pool : int
        Frames of the max-pooling after the first two convolutions. The paper does not give it.
    dense : tuple of int
        Units of the classifier's hidden layers.
    dropout : float
        Rate after each of them.

    Returns
    -------
    keras.Model

    Raises
    ------
    ValueError
        If the input is no spectrogram of at least 64 frames and 32 bands.

    References
    ----------
    FMA study, V; Zhang et al. (2016); notebook 04.
    """
    check_input(input_shape, "n_frames", "n_mels")
    inputs = keras.Input(input_shape, name="conv_1-input")
    x = layers.Conv2D(filters, (kernel, input_shape[1]), activation="relu", name="conv_1-conv")(inputs)
    x = layers.MaxPooling2D((pool, 1), name="conv_1-pool")(x)
    x = layers.Conv2D(filters, (kernel, 1), activation="relu", name="conv_2-conv")(x)
    x = layers.MaxPooling2D((pool, 1), name="conv_2-pool")(x)
    x = layers.Conv2D(filters, (kernel, 1), activation="relu", name="conv_3-conv")(x)
    x = max_and_mean(x)
    return keras.Model(inputs, classifier(x, n_classes, dense, dropout), name="baseline_a_2d")


def build_baseline_b(input_shape=(128, 513, 1), n_classes=8, filters=64, kernel=4, dense=DENSE, dropout=0.0):
    """Baseline B: batch normalisation, and a shortcut from the first convolution's output to the third's.

    Parameters
    ----------
    input_shape : tuple of int
        ``(n_frames, n_mels, 1)``: by default 10 s at 22,050 Hz in windows of 3,472 samples.
    n_classes : int
    filters : int
        Of each convolution.
    kernel : int
        Frames that each convolution sees. The second and third are zero-padded, so that the shortcut's two ends have
        the same size.
    dense : tuple of int
        Units of the classifier's hidden layers.
    dropout : float
        Rate after each of them.

    Returns
    -------
    keras.Model

    Raises
    ------
    ValueError
        If the input is no spectrogram of at least 64 frames and 32 bands.

    References
    ----------
    FMA study, V; Zhang et al. (2016); notebook 04.
    """
    check_input(input_shape, "n_frames", "n_mels")
    inputs = keras.Input(input_shape, name="conv_1-input")
    x = layers.Conv2D(filters, (kernel, input_shape[1]), name="conv_1-conv")(inputs)
    x = layers.BatchNormalization(name="conv_1-norm")(x)
    shortcut = x = layers.ReLU(name="conv_1-relu")(x)
    for i in (2, 3):
        x = layers.Conv2D(filters, (kernel, 1), padding="same", name=f"conv_{i}-conv")(x)
        x = layers.BatchNormalization(name=f"conv_{i}-norm")(x)
        if i == 3:
            x = layers.Add(name="conv_3-shortcut")([x, shortcut])
        x = layers.ReLU(name=f"conv_{i}-relu")(x)
    x = max_and_mean(x)
    return keras.Model(inputs, classifier(x, n_classes, dense, dropout), name="baseline_b")


def build_densenet121(input_shape=(224, 224, 1), n_classes=8):
    """DenseNet-121 of Huang et al. (2017), keras.applications' own, with one input channel and random weights.

    Parameters
    ----------
    input_shape : tuple of int
        ``(n_frames, n_mels, 1)``: by default 10 s at 22,050 Hz in windows of 1,976 samples.
    n_classes : int

    Returns
    -------
    keras.Model
        7,039,432 parameters with eight genres.

    Raises
    ------
    ValueError
        If the input is no spectrogram of at least 64 frames and 32 bands.

    References
    ----------
    FMA study, V; Huang et al. (2017); notebook 07.
    """
    check_input(input_shape, "n_frames", "n_mels")
    features = densenet_features(input_shape)
    x = layers.GlobalAveragePooling2D(name="head-pool")(features.output)
    outputs = layers.Dense(n_classes, activation="softmax", name="head-softmax")(x)
    return keras.Model(features.input, outputs, name="densenet121")


def build_fusion(input_shape=((160_000, 1), (224, 224, 1)), n_classes=8, filters=64, dense=DENSE, dropout=0.0):
    """FusionNet: Baseline A's waveform features and DenseNet's, joined at equal time length, with one classifier.

    Parameters
    ----------
    input_shape : tuple of tuple of int
        Shape of the waveform and of the spectrogram, both of the same 10 s.
    n_classes : int
    filters : int
        Of the waveform's convolutions.
    dense : tuple of int
        Units of the classifier's hidden layers. The paper does not give them for this network.
    dropout : float
        Rate after each of them.

    Returns
    -------
    keras.Model
        With two inputs, the waveform and the spectrogram, in this order.

    Raises
    ------
    ValueError
        If the two shapes are not a waveform's and a spectrogram's.

    References
    ----------
    FMA study, V; notebook 08.
    """
    if len(input_shape) != 2 or not all(isinstance(shape, tuple | list) for shape in input_shape):
        raise ValueError(f"input_shape is {input_shape}, expected ((n_samples, 1), (n_frames, n_mels, 1))")
    wave_shape, mel_shape = map(tuple, input_shape)
    check_input(wave_shape, "n_samples")
    check_input(mel_shape, "n_frames", "n_mels")
    wave = keras.Input(wave_shape, name="wave-input")
    dense_net = densenet_features(mel_shape)
    height, width, channels = dense_net.output.shape[1:]
    x = wave_features(wave, filters)
    # Both at DenseNet's number of frames: means over time of the one, means over frequency of the other.
    size = x.shape[1] // height
    x = layers.AveragePooling1D(size, name="join-wave_mean")(x)
    x = layers.Cropping1D((0, x.shape[1] - height), name="join-wave_crop")(x)
    mel = layers.AveragePooling2D((1, width), name="join-mel_mean")(dense_net.output)
    mel = layers.Reshape((height, channels), name="join-mel_reshape")(mel)
    x = layers.Concatenate(name="join-concat")([x, mel])
    x = max_and_mean(x, layers.GlobalMaxPooling1D, layers.GlobalAveragePooling1D)
    return keras.Model([wave, dense_net.input], classifier(x, n_classes, dense, dropout), name="fusion")


def wave_features(x, filters=64, window=512, kernel=4, pool=4):
    """Three convolutions over a waveform, max-pooling after the first two.

    Parameters
    ----------
    x : KerasTensor [shape=(None, n_samples, 1)]
    filters, window, kernel, pool : int
        See `build_baseline_a_1d`.

    Returns
    -------
    KerasTensor [shape=(None, n_samples // (window // 2) // pool**2, filters)]
        About, but for what the borders take.

    References
    ----------
    FMA study, V; notebook 04.
    """
    x = layers.Conv1D(filters, window, strides=window // 2, padding="same", activation="relu", name="wave-conv_1")(x)
    x = layers.MaxPooling1D(pool, name="wave-pool_1")(x)
    x = layers.Conv1D(filters, kernel, padding="same", activation="relu", name="wave-conv_2")(x)
    x = layers.MaxPooling1D(pool, name="wave-pool_2")(x)
    return layers.Conv1D(filters, kernel, padding="same", activation="relu", name="wave-conv_3")(x)


def max_and_mean(x, maximum=layers.GlobalMaxPooling2D, mean=layers.GlobalAveragePooling2D):
    """Largest and mean value of each feature map, side by side: the pooling of Zhang et al. (2016).

    Parameters
    ----------
    x : KerasTensor [shape=(None, …, n_channels)]
    maximum, mean : type
        Global pooling layers that fit the rank of `x`.

    Returns
    -------
    KerasTensor [shape=(None, 2 * n_channels)]

    References
    ----------
    Zhang et al. (2016); notebook 04.
    """
    return layers.Concatenate(name="pooling-concat")([maximum(name="pooling-max")(x), mean(name="pooling-mean")(x)])


def classifier(x, n_classes, dense, dropout):
    """Fully connected layers with ReLU, then a softmax over the genres.

    Parameters
    ----------
    x : KerasTensor [shape=(None, n_features)]
    n_classes : int
    dense : tuple of int
    dropout : float

    Returns
    -------
    KerasTensor [shape=(None, n_classes)]
    """
    for i, units in enumerate(dense, start=1):
        x = layers.Dense(units, activation="relu", name=f"classifier-dense_{i}")(x)
        if dropout:
            x = layers.Dropout(dropout, name=f"classifier-dropout_{i}")(x)
    return layers.Dense(n_classes, activation="softmax", name="classifier-softmax")(x)


def densenet_features(input_shape):
    """DenseNet-121 of keras.applications without its head, its layers named by Huang et al.'s parts.

    Parameters
    ----------
    input_shape : tuple of int

    Returns
    -------
    keras.Model
        From the spectrogram to feature maps of 1/32 its size in 1,024 channels.
    """
    inputs = keras.Input(input_shape, name="stem-input")
    network = keras.applications.DenseNet121(include_top=False, weights=None, input_tensor=inputs)
    for layer in network.layers[1:]:
        layer.name = f"{_densenet_part(layer.name)}-{layer.name}"
    return keras.Model(inputs, network.output)


def _densenet_part(name):
    # conv2_… to conv5_… are the dense blocks 1 to 4, pool2_… to pool4_… the transitions after the first three.
    for kind, part in (("conv", "block"), ("pool", "transition")):
        if name.startswith(tuple(f"{kind}{i}_" for i in range(2, 6))):
            return f"{part}_{int(name[4]) - 1}"
    return "head" if name in ("bn", "relu") else "stem"
