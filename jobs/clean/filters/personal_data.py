"""Drops samples whose texts are full of personal data, masked though it is: address lists, not descriptions."""

from jobs.clean.filter import AUDIO, IMAGE, TEXT, VIDEO, Amount, Filter, FilterConfig, Limit, within


class Config(FilterConfig):
    """Pieces masked in the texts of one sample."""

    max_pieces: Amount | None = 10.0
    """A signature block has three or four; Dolma drops documents with more than five of a kind."""


FILTER = Filter(
    "personal_data", codes=("personal_data",), applies=(VIDEO, IMAGE, AUDIO, TEXT), needs=("pii_count",), config=Config,
    judge=within(Limit("personal_data", ">", "max_pieces", "pii_count")),
    examples=(
        ({"modality": TEXT, "pii_count": 0}, None),
        ({"modality": VIDEO, "pii_count": 4}, None),
        ({"modality": TEXT, "pii_count": 60}, "personal_data"),
    ),
)
