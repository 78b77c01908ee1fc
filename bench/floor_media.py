"""The plain models of texts and images: TF-IDF and logistic regression, HOG and a linear SVM, a small convolutional net."""

from __future__ import annotations

from typing import Any

import numpy as np

from treeline.problem.metric import Array

__all__ = ["CNN", "HOG", "WORDS"]

SIDE, LARGE = 28, 64
"Pixels of a side that images are brought to: the larger one where they are larger."


def _words(given: Any, threads: int, seed: int) -> Array:
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    model = make_pipeline(TfidfVectorizer(), LogisticRegression(max_iter=1000)).fit(given.train["text"], given.y)
    return np.asarray(model.predict_proba(given.aside["text"]))


def _pixels(given: Any) -> tuple[Array, Array]:
    """Return the images (n, 3, side, side) of both parts, 0 to 1."""
    from PIL import Image

    folder = given.case.train.parent
    first = Image.open(folder / given.train["image"].iloc[0])
    side = SIDE if max(first.size) <= SIDE else LARGE

    def read(paths: Any) -> Array:
        shown = [np.asarray(Image.open(folder / path).convert("RGB").resize((side, side))) for path in paths]
        return np.stack(shown).transpose(0, 3, 1, 2).astype(np.float32) / 255

    return read(given.train["image"]), read(given.aside["image"])


def _hog(given: Any, threads: int, seed: int) -> Array:
    from skimage.feature import hog
    from sklearn.svm import LinearSVC

    train, aside = (
        np.stack([hog(one, pixels_per_cell=(8, 8), cells_per_block=(2, 2), channel_axis=0) for one in part])
        for part in _pixels(given)
    )
    told = LinearSVC(random_state=seed).fit(train, given.y).decision_function(aside)
    return np.stack([-told, told], axis=1) if told.ndim == 1 else np.asarray(told)


def _cnn(given: Any, threads: int, seed: int) -> Array:
    """Two convolutions with pooling, a hidden layer, Adam, twelve epochs: the first example of every course."""
    import torch
    from torch import nn

    torch.manual_seed(seed)
    torch.set_num_threads(threads)
    train, aside = (torch.from_numpy(part) for part in _pixels(given))
    y, side = torch.from_numpy(given.y), train.shape[-1] // 4
    net = nn.Sequential(
        nn.Conv2d(3, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(32, 64, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(64 * side * side, 128), nn.ReLU(), nn.Dropout(0.5), nn.Linear(128, given.classes),
    )  # fmt: skip
    steps = torch.optim.Adam(net.parameters())
    for _ in range(12):
        for batch in torch.randperm(len(y)).split(64):
            steps.zero_grad()
            nn.functional.cross_entropy(net(train[batch]), y[batch]).backward()
            steps.step()
    net.eval()
    with torch.inference_mode():
        return np.concatenate([net(part).softmax(dim=1).numpy() for part in aside.split(512)])


WORDS = {"tfidf_logistic": ("classical", _words)}
HOG = {"hog_svm": ("classical", _hog)}
CNN = {"small_cnn": ("deep", _cnn)}
