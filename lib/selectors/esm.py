"""ESM-LogME (Schulte et al., EMNLP 2024, arXiv 2410.15148): LogME where the source's model is only emulated."""

from sklearn.linear_model import Ridge

from lib.selectors.logme import logme
from lib.selectors.registry import selector


@selector("ESM-LogME")
def esm_logme(source_base_features, source_features, base_features, labels):
    """LogME of W b(x) + c, the linear map from the encoder's features to the source model's, fitted on the source's texts.

    Only W and c of a source must be stored, and no source model must read the target's texts. The map is a ridge regression
    with penalty 1; the paper fits it by gradient descent.
    """
    emulated = Ridge(alpha=1.0).fit(source_base_features, source_features).predict(base_features)
    return logme(emulated, labels)
