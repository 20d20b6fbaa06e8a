"""The sentence that says by which rule a line is kept or comes back, in both languages."""

from __future__ import annotations

from typing import Any

from ais.orders.cancellation.domain import Along, QuoteLine, Rule
from ais.platform.i18n import Language

_SENTENCES: dict[Rule, tuple[str, str]] = {
    Rule.NO_PENALTY: ("Cancelled {when}: nothing of the fare is kept.", "إلغاء {when}: لا يُقتطع شيء من الأجرة."),
    Rule.PENALTY_PERCENT: (
        "Cancelled {when}: {percent} % of the fare is kept.",
        "إلغاء {when}: يُقتطع {percent} ٪ من الأجرة.",
    ),
    Rule.PENALTY_AMOUNT: (
        "Cancelled {when}: {amount} of each ticket is kept.",
        "إلغاء {when}: يُقتطع {amount} من كل تذكرة.",
    ),
    Rule.NOT_REFUNDABLE: ("This fare is not refundable any more.", "هذه الأجرة لم تعد قابلة للاسترداد."),
    Rule.CHARGE_REFUNDABLE: (
        "Given back: this is due only when the flight is taken.",
        "يُعاد: لا يُستحق هذا المبلغ إلا عند السفر.",
    ),
    Rule.CHARGE_NOT_REFUNDABLE: ("This charge is not refundable.", "هذا الرسم غير قابل للاسترداد."),
    Rule.WAIVED: ("The airline waives the penalty.", "تتنازل شركة الطيران عن الغرامة."),
    Rule.INVOLUNTARY: (
        "The airline has cancelled or changed a flight: everything that was not flown is given back.",
        "ألغت شركة الطيران رحلة أو غيّرتها: يُعاد كل ما لم يُستعمل.",
    ),
}
_BEFORE = ("at least {hours} hours before departure", "قبل المغادرة بـ {hours} ساعة على الأقل")
_BEFORE_DEPARTURE = ("before departure", "قبل المغادرة")
_AFTER = ("after departure", "بعد المغادرة")
_SHORTFALL = (
    " What was flown costs more by itself; the difference is kept too.",
    " ما سُوفر به يكلّف أكثر وحده، ويُقتطع الفرق أيضًا.",
)
_MOVED_FAR = (
    " A flight was moved by {moved} minutes; by more than {moved_above} it is the airline's doing.",
    " عُدّل موعد رحلة بمقدار {moved} دقيقة، وما زاد على {moved_above} دقيقة فهو من فعل شركة الطيران.",
)
_MOVED_LITTLE = (
    " A flight was moved by {moved} minutes; only by more than {moved_above} does everything come back.",
    " عُدّل موعد رحلة بمقدار {moved} دقيقة، ولا يُعاد كل المبلغ إلا إذا زاد التعديل على {moved_above} دقيقة.",
)
_TAKEN = (
    " The bank has taken it back from the airline already.",
    " استردّه البنك من شركة الطيران من قبل.",
)
_TAKEN_IN_PART = (
    " The bank has taken a part of it back from the airline already.",
    " استردّ البنك جزءًا منه من شركة الطيران من قبل.",
)
_CARD_STEP = (
    " Cards are refunded in steps of ten of the smallest unit; the rest is kept.",
    " تُعاد المبالغ إلى البطاقة بمضاعفات عشر وحدات صغرى، ويُقتطع الباقي.",
)
_ALONG: dict[Along, tuple[str, str]] = {
    Along.ADULT: (" An infant on a lap goes with its adult.", " الرضيع في الحضن يُلغى مع مرافقه."),
    Along.SLICE: (" Flights of one direction go together.", " رحلات الاتجاه الواحد تُلغى معًا."),
}


def rule_sentence(line: QuoteLine, language: Language) -> str:
    """Why this line is kept or comes back, in ``language``."""
    place = 1 if language == "ar" else 0
    details = line.details
    text = _SENTENCES[line.rule][place].format(
        when=_when(details, place),
        percent=_percent(details.get("basis_points", 0)),
        amount=details.get("amount", ""),
    )
    if details.get("shortfall"):
        text += _SHORTFALL[place]
    if "moved" in details:
        moved = _MOVED_FAR if details["moved"] > details["moved_above"] else _MOVED_LITTLE
        text += moved[place].format(moved=details["moved"], moved_above=details["moved_above"])
    if line.taken_minor:
        text += (_TAKEN_IN_PART if line.refunded_minor else _TAKEN)[place]
    if details.get("card_step"):
        text += _CARD_STEP[place]
    if "along" in details:
        text += _ALONG[Along(details["along"])][place]
    return text


def _when(details: dict[str, Any], place: int) -> str:
    if details.get("after_departure"):
        return _AFTER[place]
    hours = details.get("hours", 0)
    return _BEFORE[place].format(hours=hours) if hours else _BEFORE_DEPARTURE[place]


def _percent(basis_points: int) -> str:
    whole, rest = divmod(basis_points, 100)
    return f"{whole}.{rest:02d}".rstrip("0") if rest else str(whole)
