"""Nearest neighbours among the source model's features (Puigcerver et al., ICLR 2021, arXiv 2009.13239)."""

from sklearn.neighbors import NearestNeighbors

from lib.selectors.registry import selector

NEIGHBOURS = 5


@selector("kNN")
def knn(features, labels):
    """Leave-one-out accuracy of the majority label of the nearest texts by cosine."""
    count = min(NEIGHBOURS, len(labels) - 1)
    nearest = NearestNeighbors(n_neighbors=count, metric="cosine").fit(features).kneighbors(return_distance=False)
    return float(((labels[nearest].mean(axis=1) > 0.5) == labels).mean())
