"""The command ``python -m genre_utils.results folder``: every result below folders as one table."""

import argparse
import sys

from genre_utils import evaluation

if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m genre_utils.results", description=__doc__)
    parser.add_argument("folders", nargs="+", help="searched with all their subfolders")
    parser.add_argument("--csv", help="file to write the table to")
    options = parser.parse_args()
    try:
        table = evaluation.collect(*options.folders)
        if options.csv:
            table.to_csv(options.csv)
    except OSError as error:
        sys.exit(str(error))
    same = {name: values.iloc[0] for name, values in table.iloc[:, :5].items() if values.nunique() == 1}
    print(*(f"{name}: {value}" for name, value in same.items()), sep="\n")
    print(table.drop(columns=same).to_string(float_format="{:.4g}".format, na_rep="–"))
