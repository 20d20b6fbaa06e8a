"""What the hosted pages say, in English and in Arabic, as HTML."""

LANGUAGES = ("en", "ar")
DIRECTIONS = {"en": "ltr", "ar": "rtl"}

_ENGLISH = {
    "sandbox": "Sandbox",
    "sandbox_notice": "This is a simulator. No money moves, and no card is asked for.",
    "other_language": "العربية",
    "pay_title": "Pay",
    "total": "Total",
    "quantity": "Quantity",
    "order": "Order",
    "email": "E-mail",
    "email_hint": "for the receipt",
    "how": "How should this payment go?",
    "pay_button": "Pay {amount}",
    "back": "Cancel and go back",
    "return": "Go back",
    "until": "This page can be used until {time} UTC.",
    "visa": "It succeeds",
    "visa_hint": "Visa, ending in 4242",
    "secure": "The bank asks first (3-D Secure)",
    "secure_hint": "then it succeeds",
    "declined": "The card is declined",
    "declined_hint": "without a reason",
    "more": "More test payment methods",
    "other": "Use instead of the above",
    "none": "Nothing, use the choice above",
    "mastercard": "Succeeds, with Mastercard",
    "funds": "Declined: not enough money",
    "expired_card": "Declined: the card has expired",
    "cvc": "Declined: wrong security code",
    "stolen": "Declined: the card was reported stolen",
    "trouble": "Declined: an error at the bank",
    "secure_declined": "The bank asks first, then declines",
    "slow": "Takes its time, then succeeds",
    "slow_declined": "Takes its time, then fails",
    "dispute": "Succeeds, and is disputed as fraudulent",
    "inquiry": "Succeeds, and is disputed by an inquiry",
    "refund_fails": "Succeeds, and its refund fails later",
    "refund_waits": "Succeeds, and its refund is pending first",
    "complete_title": "This payment is complete",
    "complete_text": "Nothing more is to be paid here.",
    "continue": "Continue",
    "expired_title": "This page has expired",
    "expired_text": "Nothing was paid here. Go back to start a new payment.",
    "unknown_title": "Unknown page",
    "unknown_text": "This address belongs to no payment.",
    "bank": "Test bank",
    "secure_title": "Is it you who pays?",
    "secure_text": "Your bank wants to be sure before it pays this amount.",
    "secure_yes": "Yes, complete",
    "secure_no": "No, fail",
    "secure_end_title": "Done",
    "secure_end_text": "The state of this payment: {status}. You may close this page.",
    "nothing_title": "Nothing left to do",
    "choice_title": "Unknown choice",
    "choice_text": "Choose one of those that the page offers.",
    "error_generic_decline": "The card was declined. Nothing was paid. Try another one.",
    "error_insufficient_funds": "The card was declined: there is not enough money. Nothing was paid.",
    "error_expired_card": "The card was declined: it has expired. Nothing was paid.",
    "error_incorrect_cvc": "The card was declined: the security code is wrong. Nothing was paid.",
    "error_processing_error": "The bank had an error. Nothing was paid. Try again in a moment.",
    "error_authentication": "The bank could not make sure that it is you. Nothing was paid.",
}

_ARABIC = {
    "sandbox": "بيئة تجريبية",
    "sandbox_notice": "هذه صفحة محاكاة: لا تُنقل أي أموال، ولا تُطلب أي بطاقة.",
    "other_language": "English",
    "pay_title": "الدفع",
    "total": "الإجمالي",
    "quantity": "الكمية",
    "order": "الطلب",
    "email": "البريد الإلكتروني",
    "email_hint": "لإرسال الإيصال",
    "how": "كيف تريد أن تنتهي هذه العملية؟",
    "pay_button": "ادفع {amount}",
    "back": "إلغاء والعودة",
    "return": "العودة",
    "until": "تبقى هذه الصفحة صالحة حتى {time} بالتوقيت العالمي.",
    "visa": "تنجح",
    "visa_hint": "فيزا تنتهي بـ 4242",
    "secure": "يتحقق البنك أولًا (<bdi>3-D Secure</bdi>)",
    "secure_hint": "ثم تنجح",
    "declined": "تُرفض البطاقة",
    "declined_hint": "دون ذكر السبب",
    "more": "طرق دفع تجريبية أخرى",
    "other": "استخدم بدلًا مما سبق",
    "none": "لا شيء، استخدم الاختيار أعلاه",
    "mastercard": "تنجح ببطاقة ماستركارد",
    "funds": "تُرفض: الرصيد غير كافٍ",
    "expired_card": "تُرفض: انتهت صلاحية البطاقة",
    "cvc": "تُرفض: رمز الأمان غير صحيح",
    "stolen": "تُرفض: أُبلغ عن سرقة البطاقة",
    "trouble": "تُرفض: خطأ لدى البنك",
    "secure_declined": "يتحقق البنك أولًا ثم يرفض",
    "slow": "تستغرق وقتًا ثم تنجح",
    "slow_declined": "تستغرق وقتًا ثم تفشل",
    "dispute": "تنجح ثم يُعترض عليها بوصفها احتيالًا",
    "inquiry": "تنجح ثم يُستفسر عنها",
    "refund_fails": "تنجح، ثم يفشل ردّ المبلغ لاحقًا",
    "refund_waits": "تنجح، ويبقى ردّ المبلغ معلّقًا أولًا",
    "complete_title": "اكتملت عملية الدفع",
    "complete_text": "لا يوجد ما يُدفع هنا بعد الآن.",
    "continue": "متابعة",
    "expired_title": "انتهت صلاحية هذه الصفحة",
    "expired_text": "لم يُدفع شيء هنا. عُد لبدء عملية دفع جديدة.",
    "unknown_title": "صفحة غير معروفة",
    "unknown_text": "لا يتبع هذا العنوان أي عملية دفع.",
    "bank": "بنك تجريبي",
    "secure_title": "هل أنت من يدفع؟",
    "secure_text": "يريد بنكك التأكد قبل دفع هذا المبلغ.",
    "secure_yes": "نعم، أكمل",
    "secure_no": "لا، ارفض",
    "secure_end_title": "تم",
    "secure_end_text": "حالة هذه العملية: {status}. يمكنك إغلاق هذه الصفحة.",
    "nothing_title": "لم يبقَ شيء",
    "choice_title": "اختيار غير معروف",
    "choice_text": "اختر واحدًا مما تعرضه الصفحة.",
    "error_generic_decline": "رُفضت البطاقة ولم يُدفع شيء. جرّب بطاقة أخرى.",
    "error_insufficient_funds": "رُفضت البطاقة لأن الرصيد غير كافٍ. لم يُدفع شيء.",
    "error_expired_card": "رُفضت البطاقة لأن صلاحيتها انتهت. لم يُدفع شيء.",
    "error_incorrect_cvc": "رُفضت البطاقة لأن رمز الأمان غير صحيح. لم يُدفع شيء.",
    "error_processing_error": "حدث خطأ لدى البنك ولم يُدفع شيء. حاول بعد قليل.",
    "error_authentication": "لم يتمكن البنك من التأكد من هويتك. لم يُدفع شيء.",
}

TEXTS = {"en": _ENGLISH, "ar": _ARABIC}


def language_of(asked: str | None, locale: str | None, accepted: str) -> str:
    """The page's language: what the reader asked for, the session's locale, or the first the browser accepts.

    Languages that the pages do not speak are answered in English.
    """
    if asked in LANGUAGES:
        return asked
    if locale not in {None, "auto"}:
        return "en"
    weighed: list[tuple[float, int, str]] = []
    for position, entry in enumerate(accepted.split(",")):
        tag, _, quality = entry.strip().partition(";q=")
        try:
            weight = float(quality or "1")
        except ValueError:
            continue
        weighed.append((-weight, position, tag.partition("-")[0].lower()))
    return next((tag for _, _, tag in sorted(weighed) if tag in LANGUAGES), "en")
