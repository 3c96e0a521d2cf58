"""What is said of so few frauds that chance decides. Apart, as it needs no scikit-learn."""

FEW = 20


def few_frauds(learned: int | None, judged: int | None) -> list[str]:
    """Sentences on frauds that are fewer than `FEW`.

    Args:
        learned: those that a model learned from; None where it learned from no labels.
        judged: those among what its figures are of; None where there are none.
    """
    said = []
    if learned is not None and learned < FEW:
        said.append(f"{_counted(learned)} to learn from: which ones they are decides what it finds")
    if judged is not None and judged < FEW:
        said.append(f"{_counted(judged)} in what was judged: its figures are largely chance")
    return said


def _counted(frauds: int) -> str:
    if not frauds:
        return "there is no fraud"
    return "there is only 1 fraud" if frauds == 1 else f"there are only {frauds} frauds"
