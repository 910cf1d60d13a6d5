"""Types of tasks: scores, losses, windows, starts and squared gradients by hand, and a study with planted relations."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.preprocessing import StandardScaler

from lib.datasets.examples import Examples
from lib.models.encoders import load_model, load_tokenizer
from lib.models.fisher import diagonal_fisher
from lib.models.head import head_inputs, set_outputs, start_at_probe
from lib.models.steps import POSITIONS, Steps
from lib.models.training import predict
from lib.models.types.base import MASKED
from lib.models.types.classification import BINARY, Classification, multinomial
from lib.models.types.probe import INVERSE_PENALTY
from lib.models.types.question_answering import LONGEST, QuestionAnswering, best_span, exact_match, token_f1
from lib.models.types.registry import type_of
from lib.models.types.regression import Regression
from lib.models.types.sequence_labelling import SequenceLabelling
from lib.study.sections import Encoder, Setting, Training

TINY = Encoder(name="tiny", max_length=16)
ANSWERS = QuestionAnswering()
PARTS = ("train", "validation", "test")


def examples_of(kind: str, inputs: list, targets: list, names: list[str] | None = None, metric: str = "") -> Examples:
    """Examples that are all in training."""
    split = {part: np.arange(len(inputs) if part == "train" else 0) for part in PARTS}
    return Examples("own", kind, metric, inputs, targets, names or [], split, {})


def network_for(type, seed: int = 0, spread: float = 0.3) -> torch.nn.Module:
    """A tiny network with the outputs of a type and a head that means something, without dropout."""
    network = load_model(TINY, 0.0, "cpu").eval()
    set_outputs(network, type.outputs, type.reads)
    torch.manual_seed(seed)
    with torch.no_grad():
        network.classifier.weight.normal_(std=spread)
        network.classifier.bias.normal_(std=spread)
    return network


# answers: SQuAD's scores


@pytest.mark.parametrize(
    ("found", "answer", "exact", "f1"),
    [
        ("1976", "1976", 1, 1),  # the example of the metric's card
        ("The Denver Broncos.", "denver broncos", 1, 1),
        ("a  Denver, Broncos", "the DENVER broncos!", 1, 1),
        ("theatre and anthem", "atre nd them", 0, 0),  # articles are whole words
        ("the big red dog", "red dog barks", 0, 2 * 2 / (3 + 3)),
        ("red red dog", "red dog", 0, 2 * 2 / (3 + 2)),  # a word counts as often as both have it
        ("1975", "1976", 0, 0),
        ("the", "1976", 0, 0),
    ],
)
def test_exact_match_and_f1_by_hand(found, answer, exact, f1):
    assert exact_match(found, answer) == exact and token_f1(found, answer) == pytest.approx(f1)
    assert token_f1(answer, found) == pytest.approx(f1)


def encoded_answers(contexts: list[str], answers: list[list[str]], max_length: int = 64, question: str = "who won ?"):
    """Questions about contexts, with answers at the first place where they stand, as minilm's tokenizer cuts them."""
    targets = [[(context.index(text), text) for text in own] for context, own in zip(contexts, answers, strict=True)]
    examples = examples_of("question_answering", [(question, context) for context in contexts], targets)
    return examples, ANSWERS.encode(load_tokenizer(Encoder(name="minilm")), examples, max_length)


def prediction(encoded, row: int, context: str, text: str, score: float) -> tuple[int, int, float]:
    """The prediction of a window that answers with this text of its context."""
    inside = slice(encoded.tokens.offsets[row], encoded.tokens.offsets[row + 1])
    spans, ours = encoded.spans[inside], encoded.tokens.words[inside] >= 0
    first = context.index(text)
    begin = np.flatnonzero(ours & (spans[:, 0] == first))[0]
    return int(begin), int(np.flatnonzero(ours & (spans[:, 1] == first + len(text)))[0]), score


def test_the_best_of_several_answers_counts_and_questions_are_averaged():
    contexts = ["The Denver Broncos won it in 1976 .", "The big red dog barks ."]
    examples, encoded = encoded_answers(contexts, [["1976", "in 1976", "Broncos"], ["red dog barks"]])
    said = [("in 1976", 0.0), ("big red dog", 9.0)]
    predicted = [prediction(encoded, row, contexts[row], text, score) for row, (text, score) in enumerate(said)]
    found = ANSWERS.scores(np.array(predicted, dtype=np.float32), examples, encoded, np.arange(2))
    assert found == pytest.approx({"exact_match": 1 / 2, "f1": (1 + 2 / 3) / 2})


def test_the_window_with_the_larger_sum_of_logits_answers():
    context = "Anna won . " + "then it rained . " * 30 + "Bert lost ."
    examples, encoded = encoded_answers([context], [["Bert"]])
    rows = np.arange(len(encoded.owners))
    assert len(rows) == 3 and encoded.findings == {"windows of contexts": 3}
    for scores, expected in (((1.0, 0.0, 2.0), 1.0), ((2.0, 0.0, 1.0), 0.0), ((-3.0, -4.0, -2.0), 1.0)):
        said = [("Anna", scores[0]), ("rained", scores[1]), ("Bert", scores[2])]
        predicted = np.array([
            prediction(encoded, row, context, text, score) if row != 1 else (20, 20, score)
            for row, (text, score) in enumerate(said)
        ])  # fmt: skip
        found = ANSWERS.scores(predicted.astype(np.float32), examples, encoded, rows)
        assert found == {"exact_match": expected, "f1": expected}


# answers: windows


def transformers_positions(tokenizer, examples, max_length: int, stride: int) -> list[tuple[int, int, int]]:
    """Owner, start and end of every window, by the loop of transformers' example (examples/pytorch/question-answering).

    One thing differs: where an answer starts with the context's last wordpiece, its search for the start runs on into
    [SEP], whose offsets are (0, 0); here it ends with the context, as its search for the end does.
    """
    questions, contexts = zip(*examples.inputs, strict=True)
    tokenised = tokenizer(
        list(questions), list(contexts), truncation="only_second", max_length=max_length, stride=stride,
        return_overflowing_tokens=True, return_offsets_mapping=True,
    )  # fmt: skip
    found = []
    for i, offsets in enumerate(tokenised["offset_mapping"]):
        input_ids, sequence_ids = tokenised["input_ids"][i], tokenised.sequence_ids(i)
        cls_index = input_ids.index(tokenizer.cls_token_id)
        sample_index = tokenised["overflow_to_sample_mapping"][i]
        start_char, text = examples.targets[sample_index][0]
        end_char = start_char + len(text)
        token_start_index = 0
        while sequence_ids[token_start_index] != 1:
            token_start_index += 1
        token_end_index = len(input_ids) - 1
        while sequence_ids[token_end_index] != 1:
            token_end_index -= 1
        last = token_end_index
        if not (offsets[token_start_index][0] <= start_char and offsets[token_end_index][1] >= end_char):
            found.append((sample_index, cls_index, cls_index))
            continue
        while token_start_index <= last and offsets[token_start_index][0] <= start_char:
            token_start_index += 1
        while offsets[token_end_index][1] >= end_char:
            token_end_index -= 1
        found.append((sample_index, token_start_index - 1, token_end_index + 1))
    return found


def test_windows_are_those_of_transformers():
    """Ten contexts, from less than a window to several; answers at the start, at the end, across the edges of windows,
    and longer than what two windows share."""
    rng = np.random.default_rng(0)
    words = ["rain", "Denver's", "unbelievably", "1976", "Żółć", "(of", "broncos)", "ski-jump", "the", "won,"]
    contexts, answers = [], []
    for n, first, last in (
        (4, 0, 1), (20, 18, 20), (40, 0, 3), (40, 38, 40), (60, 59, 60), (80, 20, 26), (120, 22, 25), (150, 140, 150),
        (150, 60, 100), (200, 28, 38),
    ):  # fmt: skip
        own = [*rng.choice(words, n)]
        contexts.append(" ".join(own))
        begin = len(" ".join([*own[:first], ""]))
        answers.append([(begin, " ".join(own[first:last]))])
    examples = examples_of("question_answering", [("who won the game in 1976?", each) for each in contexts], answers)
    tokenizer = load_tokenizer(Encoder(name="minilm"))
    encoded = ANSWERS.encode(tokenizer, examples, 64)
    expected = transformers_positions(tokenizer, examples, 64, 16)
    assert [(owner, *place) for owner, place in zip(encoded.owners, encoded.targets.tolist(), strict=True)] == expected
    lost = set(range(10)) - {owner for owner, start, _ in expected if start > 0}
    assert 8 in lost and len(lost) < 5  # an answer of 40 words is in no window
    assert encoded.findings == {"windows of contexts": len(expected), "answers that no window holds": len(lost)}
    assert len({owner for owner, *_ in expected}) == 10 < len(expected) and encoded.tokens.lengths.max() == 64
    held = [row for row, (_, start, _) in enumerate(expected) if start > 0]
    for row in held:  # the text between the positions is the answer, but for halves of words
        inside = encoded.spans[encoded.tokens.offsets[row] : encoded.tokens.offsets[row + 1]]
        (first, last), owner = encoded.targets[row], encoded.owners[row]
        assert answers[owner][0][1] in contexts[owner][inside[first, 0] : inside[last, 1]]


def test_words_of_windows_are_those_of_the_context_alone():
    _, encoded = encoded_answers(["Anna won ."], [["Anna"]])
    assert encoded.tokens.words.tolist() == [-1] * 5 + [0, 1, 2] + [-1]  # [CLS] who won ? [SEP] anna won . [SEP]


@pytest.mark.parametrize("context", ["Anna won .", "Anna won . " * 60])
@pytest.mark.parametrize(("words", "max_length"), [(44, 64), (45, 64), (61, 64), (90, 64), (90, 8), (90, 13)])
def test_a_long_question_is_cut_so_that_windows_can_overlap(words, max_length, context):
    """The tokenizer itself ends in a panic where a question leaves no more of a window than windows share."""
    examples, encoded = encoded_answers([context, context], [["Anna"]] * 2, max_length, "who " * words)
    room = max_length - 3 - max_length // 4 - 1
    assert encoded.findings.get("questions cut", 0) == 2 * (words > room)
    assert encoded.tokens.lengths.max() <= max_length and encoded.targets[0].tolist() == [2 + min(words, room)] * 2
    assert set(encoded.owners) == {0, 1}


# answers: the best span


@given(
    st.integers(1, 36).flatmap(
        lambda n: st.tuples(*(st.lists(st.integers(-9, 9), min_size=n, max_size=n) for _ in range(2))).flatmap(
            lambda logits: st.tuples(
                st.just(logits), st.lists(st.booleans(), min_size=n, max_size=n).filter(lambda own: any(own))
            )
        )
    )
)
def test_the_best_span_by_brute_force(drawn):
    (starts, ends), context = drawn
    starts, ends, context = (np.array(each, dtype=t) for each, t in ((starts, float), (ends, float), (context, bool)))
    n = len(starts)
    allowed = {
        (a, b): starts[a] + ends[b]
        for a in range(n)
        for b in range(a, min(n, a + LONGEST))
        if context[a] and context[b]
    }
    first, last, score = best_span(starts, ends, context)
    assert score == max(allowed.values()) == allowed[int(first), int(last)]


def test_the_longest_answer_has_thirty_wordpieces():
    assert LONGEST == 30
    for last, expected in ((29, (0, 29, 8)), (30, (0, 0, 5))):
        starts, ends = np.zeros(40), np.zeros(40)
        starts[0], ends[0], ends[last] = 4, 1, 4
        assert best_span(starts, ends, np.ones(40, dtype=bool)) == expected
    assert best_span(np.array([9.0, 1, 0]), np.array([9.0, 0, 2]), np.array([False, True, True])) == (1, 2, 3)


# sequence labelling: seqeval's scores

NAMES = ["O", "B-MISC", "I-MISC", "B-PER", "I-PER"]
TRUE = [["O", "O", "O", "B-MISC", "I-MISC", "I-MISC", "O"], ["B-PER", "I-PER", "O"]]
FOUND = [["O", "O", "B-MISC", "I-MISC", "I-MISC", "I-MISC", "O"], ["B-PER", "I-PER", "O"]]
WORDS = ["bako", "ri", "metu", "so", "lazuvi", "ne", "dofa"]  # of one to three wordpieces


def labelled(tags: list[list[str]], metric: str, max_length: int = 32):
    """Sentences with these tags, their type, and their rows."""
    numbers = [[NAMES.index(tag) for tag in own] for own in tags]
    examples = examples_of("sequence_labelling", [WORDS[: len(own)] for own in tags], numbers, NAMES, metric)
    type = type_of(examples)
    return examples, type, type.encode(load_tokenizer(TINY), examples, max_length)


def at_first_wordpieces(encoded, tags: list[list[str]]) -> np.ndarray:
    """Predictions with these tags at each word's first wordpiece, and a wrong one, the last, at all other positions."""
    predicted = np.full((len(tags), encoded.tokens.lengths.max()), len(NAMES) - 1)
    for row, own in enumerate(tags):
        words = encoded.tokens.words_of(row).tolist()
        for word, tag in enumerate(own):
            if word in words:
                predicted[row, words.index(word)] = NAMES.index(tag)
    return predicted


def test_the_example_of_seqevals_readme():
    examples, type, encoded = labelled(TRUE, "span_f1")
    assert type == SequenceLabelling(5, spans=True) and encoded.findings == {}
    found = type.scores(at_first_wordpieces(encoded, FOUND), examples, encoded, np.arange(2))
    assert found == pytest.approx({"span_f1": 0.5, "accuracy": 0.8})
    right = type.scores(at_first_wordpieces(encoded, TRUE)[1:], examples, encoded, np.array([1]))
    assert right == {"span_f1": 1.0, "accuracy": 1.0}


def test_tags_without_spans_are_judged_by_accuracy_alone():
    examples, type, encoded = labelled(TRUE, "accuracy")
    found = type.scores(at_first_wordpieces(encoded, FOUND), examples, encoded, np.arange(2))
    assert found == pytest.approx({"accuracy": 0.8}) and type.record == {"tags": 5, "spans": False}


def test_words_beyond_max_length_are_predicted_as_the_first_tag_and_counted():
    """Eight positions hold [CLS], six wordpieces of four words, and [SEP]: three words of the first sentence are cut.

    "B-MISC" alone is another span than the true one.
    """
    examples, type, encoded = labelled(TRUE, "span_f1", max_length=8)
    assert encoded.findings == {"words beyond max_length, or without a wordpiece": 3}
    assert encoded.targets[0].tolist() == [MASKED, 0, MASKED, 0, 0, MASKED, 1, MASKED]
    assert encoded.targets[1].tolist() == [MASKED, 3, MASKED, 4, 0, MASKED, MASKED, MASKED]
    found = type.scores(at_first_wordpieces(encoded, TRUE), examples, encoded, np.arange(2))
    assert found == pytest.approx({"accuracy": 8 / 10, "span_f1": 0.5})


def test_a_word_without_a_wordpiece_is_predicted_as_the_first_tag():
    examples = examples_of("sequence_labelling", [["bako", "\u200b", "ri"]], [[1, 1, 1]], NAMES, "accuracy")
    type = type_of(examples)
    encoded = type.encode(load_tokenizer(TINY), examples, 16)
    assert encoded.findings == {"words beyond max_length, or without a wordpiece": 1}
    assert type.scores(np.ones((1, 5)), examples, encoded, np.array([0])) == {"accuracy": pytest.approx(2 / 3)}


def test_a_tagger_has_collapsed_if_all_words_have_one_tag_whatever_other_positions_have():
    type, words = SequenceLabelling(3, spans=True), np.array([[-1, 0, 0, 1, -1], [-1, 0, -1, -1, -1]])
    logits = torch.zeros(2, 5, 3)
    logits[:, :, 0] = 1
    logits[:, 0, 2] = 5  # [CLS]
    logits[1, 3:, 1] = 5  # padding
    assert type.collapsed(type.decode(logits, words))
    logits[0, 3, 1] = 5
    predicted = type.decode(logits, words)
    assert not type.collapsed(predicted) and predicted.dtype == np.int16
    assert predicted[words >= 0].tolist() == [0, 0, 1, 0]


# losses by hand


def log_softmax(logits: np.ndarray) -> np.ndarray:
    return logits - np.log(np.exp(logits).sum(axis=-1, keepdims=True))


LOGITS = np.array([[1.0, 0.0, -2.0], [0.5, 2.0, 1.0]])


def test_the_loss_of_classes():
    """The positive weight is for two classes only."""
    type, logs = Classification(classes=3), log_softmax(LOGITS)
    targets, logits = type.tensor(np.array([0, 2], dtype=np.int16)), torch.tensor(LOGITS)
    own = -np.array([logs[0, 0], logs[1, 2]])
    assert type.loss(logits.float(), targets, 7.0).item() == pytest.approx(own.mean())
    assert type.text_losses(logits, targets).item() == pytest.approx(own.sum())
    assert type.amount(targets, 7.0) == 2 and BINARY.amount(torch.tensor([1, 0, 1]), 7.0) == 15
    assert type.record == {"classes": 3} and BINARY.record == {}


def test_the_loss_of_regression_is_in_units_of_the_training_spread():
    type = type_of(examples_of("regression", ["a", "b"], [6.0, 14.0]))
    assert type == Regression(mean=10.0, spread=4.0) and type.record == {"mean": 10.0, "spread": 4.0}
    targets, logits = type.tensor(np.array([14.0, 8.0], dtype=np.float32)), torch.tensor([[0.5], [0.0]])
    assert targets.tolist() == [1.0, -0.5]
    assert type.loss(logits, targets, 1.0).item() == (0.5**2 + 0.5**2) / 2
    assert type.text_losses(logits, targets).item() == 0.5**2 + 0.5**2
    assert type.decode(logits, None).tolist() == [12.0, 10.0]
    constant = type_of(examples_of("regression", ["a", "b"], [3.0, 3.0]))
    assert constant.spread == 1.0


def test_regression_is_judged_by_correlations():
    type = Regression(0.0, 1.0)
    examples = examples_of("regression", ["bako"] * 4, [1.0, 2.0, 3.0, 4.0])
    encoded = type.encode(load_tokenizer(TINY), examples, 16)
    found = type.scores(np.array([1.0, 2.0, 3.0, 10.0]), examples, encoded, np.arange(4))
    x, y = np.array([-3.0, -2, -1, 6]), np.array([-1.5, -0.5, 0.5, 1.5])
    assert found == pytest.approx({"spearman": 1.0, "pearson": x @ y / np.sqrt((x @ x) * (y @ y))})
    assert type.scores(np.ones(4), examples, encoded, np.arange(4)) == {"pearson": 0.0, "spearman": 0.0}
    assert type.collapsed(np.ones(4)) and not type.collapsed(np.array([1.0, 1.1]))


def test_the_loss_of_tags_is_the_mean_over_words():
    """Two words in the first sentence and one in the second; a sentence's own loss is the mean over its words."""
    type, logits = SequenceLabelling(3, spans=True), np.stack([LOGITS, LOGITS[::-1]])
    targets = type.tensor(np.array([[1, 2, MASKED], [MASKED, 0, MASKED]], dtype=np.int16))  # as wide as a longer row
    logs = log_softmax(logits)
    one, other = -np.array([logs[0, 0, 1], logs[0, 1, 2]]), -logs[1, 1, 0]
    assert type.loss(torch.tensor(logits), targets, 7.0).item() == pytest.approx((one.sum() + other) / 3)
    assert type.text_losses(torch.tensor(logits), targets).item() == pytest.approx(one.mean() + other)
    assert type.amount(targets, 7.0) == 3


def test_the_loss_of_answers_is_the_mean_of_start_and_end():
    logits = np.stack([LOGITS.T, -LOGITS.T])  # (windows, positions, start and end)
    starts, ends = log_softmax(logits[:, :, 0]), log_softmax(logits[:, :, 1])
    targets = ANSWERS.tensor(np.array([[1, 2], [0, 0]], dtype=np.int16))
    own = -np.array([starts[0, 1] + ends[0, 2], starts[1, 0] + ends[1, 0]]) / 2
    assert ANSWERS.loss(torch.tensor(logits), targets, 7.0).item() == pytest.approx(own.mean())
    assert ANSWERS.text_losses(torch.tensor(logits), targets).item() == pytest.approx(own.sum())
    assert ANSWERS.amount(targets, 7.0) == 2


def rows_of_all_lengths(type, n: int = 12):
    """Rows of two to seven words, and random targets of the type."""
    rng = np.random.default_rng(0)
    sentences = [[*rng.choice(WORDS, size)] for size in rng.integers(2, 8, n)]
    if isinstance(type, SequenceLabelling):
        tags = [rng.integers(0, type.tags, len(own)).tolist() for own in sentences]
        examples = examples_of("sequence_labelling", sentences, tags, NAMES[: type.tags])
    elif isinstance(type, QuestionAnswering):
        pairs = [("riri", " ".join(own)) for own in sentences]
        examples = examples_of("question_answering", pairs, [[(0, own[0])] for own in sentences])
    else:
        values = rng.integers(0, 3, n)
        kind = "classification" if isinstance(type, Classification) else "regression"
        examples = examples_of(kind, [" ".join(own) for own in sentences], values.tolist(), ["a", "b", "c"])
    return examples, type.encode(load_tokenizer(TINY), examples, 16)


TYPES = [Classification(classes=3), Regression(1.0, 0.5), SequenceLabelling(3, spans=True), ANSWERS]


@pytest.mark.parametrize("type", TYPES, ids=lambda type: type.__class__.__name__)
@pytest.mark.parametrize("positions", [64, 1])
def test_a_batch_that_is_cut_into_parts_has_the_gradient_of_the_whole(type, positions, monkeypatch):
    _, encoded = rows_of_all_lengths(type)
    n, found = len(encoded.owners), {}
    assert np.ptp(encoded.tokens.lengths) > 4
    for most in (10_000, positions):
        network = network_for(type)
        monkeypatch.setitem(POSITIONS, "cpu", most)
        setting = Setting(learning_rate=1e-3, epochs=1)
        given = (np.arange(n), encoded.targets, setting, Training(clip=1e6), "float32", type)
        steps = Steps(network, encoded.tokens, *given)
        loss, norm = steps.backward(np.arange(n))
        steps.end()
        found[most] = [loss, norm, *(each.grad for name, each in network.named_parameters() if "word_emb" not in name)]
    for whole, parts in zip(*found.values(), strict=True):
        torch.testing.assert_close(whole, parts, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("type", TYPES, ids=lambda type: type.__class__.__name__)
def test_predictions_do_not_depend_on_the_batch(type):
    _, encoded = rows_of_all_lengths(type)
    network, rows = network_for(type), np.arange(len(encoded.owners))
    together = predict(network, encoded.tokens, rows, "float32", type=type)
    for row in rows:
        alone = predict(network, encoded.tokens, rows[row : row + 1], "float32", type=type)[0]
        own = together[row][: len(alone)] if type.reads == "positions" else together[row]
        np.testing.assert_allclose(own, alone, atol=1e-5)
        if isinstance(type, SequenceLabelling):
            assert (together[row][len(alone) :] == MASKED).all()


# TaskEmb: squared gradients


def test_squared_gradients_of_a_tagger_by_hand():
    """Of the head: the gradient of a sentence's loss, the mean over its words of (p - one-hot) x what the head reads,
    is squared; over two sentences the mean of the squares, not the square of the mean."""
    type = SequenceLabelling(3, spans=True)
    examples = examples_of(
        "sequence_labelling", [["bako", "lazuvi"], ["ri", "so", "dofa"]], [[0, 2], [1, 1, 0]], NAMES[:3]
    )
    encoded = type.encode(load_tokenizer(TINY), examples, 16)
    network = network_for(type)
    weight, bias = (each.detach().double().numpy() for each in network.classifier.parameters())
    gradients = []
    for row, (read, places) in enumerate(zip(head_inputs(network, encoded.tokens, np.arange(2), "float32", type),
                                             ([1, 3], [1, 2, 3]), strict=True)):  # fmt: skip
        assert encoded.targets[row][places].tolist() == examples.targets[row]
        first = read[places]
        error = np.exp(log_softmax(first @ weight.T + bias)) - np.eye(3)[examples.targets[row]]
        gradients.append(np.concatenate([(error.T @ first).ravel(), error.sum(axis=0)]) / len(places))
    alone = diagonal_fisher(network, encoded.tokens, np.array([0]), encoded.targets[:1], type=type)
    np.testing.assert_allclose(alone["head"], gradients[0] ** 2, rtol=1e-3, atol=1e-9)
    both = diagonal_fisher(network, encoded.tokens, np.arange(2), encoded.targets, type=type)
    np.testing.assert_allclose(both["head"], np.mean(np.square(gradients), axis=0), rtol=1e-3, atol=1e-9)
    assert not np.allclose(both["head"], np.mean(gradients, axis=0) ** 2, rtol=0.1)


@pytest.mark.parametrize("type", TYPES, ids=lambda type: type.__class__.__name__)
def test_squared_gradients_are_autograds_text_by_text_whatever_the_batch(type):
    _, encoded = rows_of_all_lengths(type, n=5)
    network, rows = network_for(type), np.arange(5)
    totals = {name: torch.zeros_like(value) for name, value in network.named_parameters()}
    for row in rows:
        network.zero_grad()
        ids, mask = encoded.tokens.batch(rows[row : row + 1])
        logits = network(input_ids=ids, attention_mask=mask).logits
        type.text_losses(logits, type.tensor(encoded.targets[row : row + 1])).backward()
        for name, value in network.named_parameters():
            totals[name] += 0 if value.grad is None else value.grad**2 / 5
    for positions in (1, 10_000):
        found = diagonal_fisher(network, encoded.tokens, rows, encoded.targets, positions, type)
        head = torch.cat([totals["classifier.weight"].flatten(), totals["classifier.bias"]])
        np.testing.assert_allclose(found["head"], head, rtol=2e-3, atol=1e-8)
        for layer in range(3):
            own = [value.flatten() for name, value in totals.items() if f".layer.{layer}." in name]
            expected = np.sort(torch.cat(own).numpy())
            np.testing.assert_allclose(np.sort(found[f"layer {layer + 1}"]), expected, rtol=5e-3, atol=1e-8)


# how heads start


def softmax(logits: np.ndarray) -> np.ndarray:
    return np.exp(log_softmax(logits))


def test_a_multinomial_start_is_scikit_learns():
    rng = np.random.default_rng(0)
    features = rng.normal(size=(90, 4)) * [1, 5, 0.2, 1] + [0, 3, -1, 7]
    labels = StandardScaler().fit_transform(features)[:, :3].argmax(axis=1)
    weights, biases = multinomial(features, labels, 3)
    scaler = StandardScaler().fit(features)
    oracle = LogisticRegression(C=INVERSE_PENALTY, max_iter=200).fit(scaler.transform(features), labels)
    expected = oracle.predict_proba(scaler.transform(features))
    np.testing.assert_allclose(softmax(features @ weights.T + biases), expected, atol=1e-8)
    assert np.ptp(expected, axis=0).min() > 0.1


@pytest.mark.parametrize("known", [(0, 2, 3), (3, 1)])
def test_a_class_that_training_lacks_is_never_likely(known):
    """Among the other classes the probabilities are those of a regression that does not know it."""
    rng = np.random.default_rng(0)
    features = rng.normal(size=(60, 3)) + 4
    labels = np.array(known)[features[:, : len(known)].argmax(axis=1)]
    weights, biases = multinomial(features, labels, 5)
    scaler = StandardScaler().fit(features)
    oracle = LogisticRegression(C=INVERSE_PENALTY, max_iter=200).fit(scaler.transform(features), labels)
    logits = features @ weights.T + biases
    found = softmax(logits[:, sorted(known)])
    np.testing.assert_allclose(found, oracle.predict_proba(scaler.transform(features)), atol=1e-8)
    lacking = np.setdiff1d(np.arange(5), known)
    assert not weights[lacking].any() and np.ptp(biases[lacking]) == 0
    mean = scaler.mean_ @ weights[sorted(known)].T + biases[sorted(known)]
    assert biases[lacking[0]] == pytest.approx(mean.min())  # at the mean text no likelier than the rarest of the others


def test_classes_start_at_the_regression_of_texts_that_count_once():
    type = Classification(classes=3)
    _, encoded = rows_of_all_lengths(type, n=30)
    network, rows = network_for(type), np.concatenate([np.arange(30), np.arange(9)])
    features = head_inputs(network, encoded.tokens, np.arange(30), "float32")
    start_at_probe(network, encoded.tokens, rows, encoded.targets[rows], 7.0, "float32", type)
    scaler = StandardScaler().fit(features)
    oracle = LogisticRegression(C=INVERSE_PENALTY, max_iter=200).fit(scaler.transform(features), encoded.targets)
    found = predict(network, encoded.tokens, np.arange(30), "float32", type=type)
    np.testing.assert_allclose(found, oracle.predict_proba(scaler.transform(features)), atol=1e-4)


def test_tags_start_at_the_regression_on_first_wordpieces():
    type = SequenceLabelling(3, spans=True)
    examples, encoded = rows_of_all_lengths(type, n=30)
    network, rows = network_for(type), np.arange(30)[::-1].copy()  # rows in any order
    read = head_inputs(network, encoded.tokens, rows, "float32", type)
    assert [len(each) for each in read] == encoded.tokens.lengths[rows].tolist()
    start_at_probe(network, encoded.tokens, rows, encoded.targets[rows], 1.0, "float32", type)
    features, tags = [], []
    for row, own in zip(rows, read, strict=True):
        words = encoded.tokens.words_of(row).tolist()
        kept = [word for word in range(len(examples.inputs[row])) if word in words]
        features += [own[words.index(word)] for word in kept]
        tags += [examples.targets[row][word] for word in kept]
    scaler = StandardScaler().fit(features)
    oracle = LogisticRegression(C=INVERSE_PENALTY, max_iter=200).fit(scaler.transform(features), tags)
    weight, bias = (each.detach().double().numpy() for each in network.classifier.parameters())
    expected = oracle.predict_proba(scaler.transform(features))
    np.testing.assert_allclose(softmax(np.array(features) @ weight.T + bias), expected, atol=2e-3)
    assert np.ptp(expected, axis=0).min() > 0.02


def test_regression_starts_at_the_ridge():
    type = Regression(1.0, 0.5)
    _, encoded = rows_of_all_lengths(type, n=30)
    network, rows = network_for(type), np.arange(30)
    features = head_inputs(network, encoded.tokens, rows, "float32", type)
    start_at_probe(network, encoded.tokens, rows, encoded.targets, 1.0, "float32", type)
    scaler = StandardScaler().fit(features)
    oracle = Ridge(alpha=1 / INVERSE_PENALTY).fit(scaler.transform(features), (encoded.targets - 1.0) / 0.5)
    expected = oracle.predict(scaler.transform(features)) * 0.5 + 1.0
    found = predict(network, encoded.tokens, rows, "float32", type=type)
    np.testing.assert_allclose(found, expected, atol=1e-4)
    assert np.ptp(expected) > 0.02


def test_answers_start_at_random():
    _, encoded = rows_of_all_lengths(ANSWERS)
    network = network_for(ANSWERS)
    before = [each.clone() for each in network.parameters()]
    start_at_probe(network, encoded.tokens, np.arange(len(encoded.owners)), encoded.targets, 1.0, "float32", ANSWERS)
    assert all(torch.equal(one, other) for one, other in zip(before, network.parameters(), strict=True))
