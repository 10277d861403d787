#!/usr/bin/env python3
"""Generates data/movies.jsonl from the "IMDb top 1000" table: only facts, no texts and no pictures.

    python3 data/make.py imdb_top_1000.csv > data/movies.jsonl

The rules (corrections, prices) are written down in data/README.md. Same input, same output, to the byte.
"""

import csv
import json
import sys

# Apollo 13 has its certificate in the column of its year.
CORRECTED = {"Apollo 13": {"Released_Year": "1995", "Certificate": "PG"}}
# A certificate with two spellings.
SPELLINGS = {"": "Not Rated", "U/A": "UA"}
LADDER = ("4.99", "6.99", "9.99", "12.99")


def price(year: int, imdb: float) -> str:
    """The price by the table of data/README.md: it depends on the age, and is one step higher for a high rating."""
    rung = 0 if year < 1970 else 1 if year < 2000 else 2
    return LADDER[rung + (1 if imdb >= 8.3 else 0)]


def whole(cell: str) -> int | None:
    """Parses `28,341,469` and `77.0` as integers; an empty cell is unknown."""
    cell = cell.replace(",", "").strip()
    return int(float(cell)) if cell else None


def names(*cells: str) -> list[str]:
    """The trimmed names in their order, without duplicates."""
    return list(dict.fromkeys(name.strip() for cell in cells for name in cell.split(",") if name.strip()))


def movie(row: dict[str, str]) -> dict[str, object]:
    row = {**row, **CORRECTED.get(row["Series_Title"], {})}
    year, imdb = int(row["Released_Year"]), float(row["IMDB_Rating"])
    return {
        "name": row["Series_Title"].strip(),
        "year": year,
        "duration_minutes": int(row["Runtime"].removesuffix(" min")),
        "imdb": imdb,
        "votes": whole(row["No_of_Votes"]),
        "meta_score": whole(row["Meta_score"]),
        "gross": whole(row["Gross"]),
        "price": {"amount": price(year, imdb), "currency": "USD"},
        "certification": SPELLINGS.get(row["Certificate"], row["Certificate"]),
        "genres": names(row["Genre"]),
        "directors": names(row["Director"]),
        "stars": names(*(row[f"Star{n}"] for n in range(1, 5))),
    }


def main() -> None:
    if len(sys.argv) != 2:
        sys.exit("usage: make.py imdb_top_1000.csv > movies.jsonl")
    sys.stdout.reconfigure(encoding="utf-8", newline="\n")
    with open(sys.argv[1], encoding="utf-8", newline="") as table:
        for row in csv.DictReader(table):
            print(json.dumps(movie(row), ensure_ascii=False, separators=(",", ":")))


if __name__ == "__main__":
    main()
