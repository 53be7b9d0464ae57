"""What the reports of the membership have in common: columns, and what departments call them."""

from __future__ import annotations

from medallion.entities.column_types import DATE, ID, SMALL_ID, WORD
from medallion.entities.entity import Column

COLLECT = "ingestion.deliveries.collector:collect_deliveries"
ZONE = "Europe/Paris"
CHANNELS = ("Channel", "Canal", "Kanal", "渠道")
DAYS = ("Business date", "Date", "Day", "Datum", "Tag", "Jour", "日期")
MEMBERS = ("Member", "Member no", "Card no", "N° carte", "Carte", "Mitglied", "会员号")
LEVELS = ("Level", "Tier", "Niveau", "Stufe", "等级")
FROM_THE_FILE = (
    Column("period", WORD, "Period of the file, as its name has it."),
    Column("sheet", WORD, "Sheet of the row."),
    Column("row_no", SMALL_ID, "Number of the row in its sheet."),
    Column("delivery_id", ID, "File that the row came with (meta.delivery)."),
)
CHANNEL = Column("channel", WORD, "Where it took place: app, store, web or partner.")
BUSINESS_DATE = Column("business_date", DATE, "Day of the report.")
MEMBER = Column("member_id", WORD, "Number of the card: 7 digits, with leading zeros.")
LEVEL = Column("level", WORD, "Level of the member at that time: basic, silver or gold.")
