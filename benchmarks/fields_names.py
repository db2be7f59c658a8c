"""What the field files of real papers call the fields of our types, and which paper is of which type."""

from collections.abc import Mapping

#: Keys of the field files under the names that our types give them; what is not named has no field here.
ALIASES: Mapping[str, tuple[str, ...]] = {
    "payment_order": (
        "number", "date", "amount", "amount_words:amount_in_words", "payer:payer_name", "payer_inn", "payer_kpp",
        "payer_account", "payer_bank:payer_bank_name", "payer_bik", "payer_corr:payer_correspondent_account",
        "payee:payee_name", "payee_inn", "payee_kpp", "payee_account", "payee_bank:payee_bank_name", "payee_bik",
        "kbk", "oktmo", "priority", "purpose",
    ),
    "invoice": (
        "number", "date", "supplier_name:seller_name", "supplier_inn:seller_inn", "supplier_kpp:seller_kpp",
        "supplier_address:seller_address", "buyer_name", "buyer_inn", "buyer_kpp", "buyer_address",
        "bank:seller_bank_name", "bik:seller_bik", "corr_account:seller_correspondent_account",
        "account:seller_account", "total", "vat", "due_date", "total_in_words", "signatory:seller_signatory",
        "items[].name", "items[].qty:items[].quantity", "items[].unit", "items[].price", "items[].sum:items[].amount",
    ),
    "contract": (
        "number", "date", "ikz", "price:total", "vat", "vat_rate", "customer:buyer_name", "supplier:seller_name",
        "customer_name:buyer_name", "customer_inn:buyer_inn", "customer_kpp:buyer_kpp",
        "customer_account:buyer_account", "customer_bik:buyer_bik", "customer_signatory:buyer_signatory",
        "contractor_name:seller_name", "contractor_inn:seller_inn", "contractor_kpp:seller_kpp",
        "contractor_account:seller_account", "contractor_bik:seller_bik", "contractor_signatory:seller_signatory",
    ),
    "tender_notice": (
        "organizer:customer_name", "organizer_address:customer_address", "organizer_email:customer_email", "subject",
        "nmc_with_vat:initial_price",
    ),
    "technical_spec": ("customer:customer_name", "subject", "approved_by"),
    "foreign_passport": (
        "issuer:country", "surname:surname_latin", "given_names:given_names_latin", "number",
        "nationality:nationality_code", "birth_date", "sex", "expiry_date",
    ),
    "receipt_en": ("company:seller_name", "date", "address:seller_address", "total"),
    "invoice_en": (
        "issuer:seller_name", "amount:total", "amount_tax:vat", "amount_untaxed:subtotal", "date", "date_due:due_date",
        "invoice_number:number", "lines[].name:items[].name", "lines[].qty:items[].quantity",
        "lines[].price_unit:items[].price", "lines[].price_subtotal:items[].amount",
    ),
}  # fmt: skip
#: Which type a real paper is of, by what its file name says.
TYPES = (
    ("payment_order", "payment_order"),
    ("invoice_schet", "invoice"),
    ("contract_44fz_milk_p1", "contract"),
    ("contract_page", "contract"),
    ("tender_notice", "tender_notice"),
    ("tender_tz", "technical_spec"),
    ("passport", "foreign_passport"),
    ("receipt", "receipt_en"),
    ("AzureInterior", "invoice_en"),
)
