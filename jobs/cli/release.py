"""`reelmill release`: list, show, verify, compare and export releases."""

import argparse

from jobs.cli.common import facts_text, json_word, lake_of, local_path, nonempty, note, settings_words, show, table
from jobs.errors import Terminal


def arguments(parser: argparse.ArgumentParser) -> None:
    """Words of the command."""
    parser.add_argument("what", choices=("list", "show", "verify", "diff", "card", "export"), nargs="?", default="list", help="list all; show what one says; verify "
                        "the checksums of its shards; diff two of them; print its dataset card; export it as WebDataset tars to --out (default list)")
    parser.add_argument("names", type=nonempty, nargs="*", metavar="RELEASE", help="name, beginning of the fingerprint, or `latest`")
    parser.add_argument("--out", type=nonempty, metavar="DIR", help="export: folder of this machine for the WebDataset tars")
    settings_words(parser)
    json_word(parser)


def main(args: argparse.Namespace) -> int:
    """Do it."""
    from jobs.fuse import release as releases

    lake = lake_of(args)
    wanted = 2 if args.what == "diff" else 1
    if args.what == "list":
        found = releases.releases(lake)
        show(
            {"releases": found},
            args.as_json,
            table(
                [(r["name"], sum(s["rows"] for s in r["shards"]), len(r["shards"]), r["path"]) for r in found],
                ("release", "rows", "shards", "path"),
            ),
        )
        return 0
    names = args.names or ["latest"] * (wanted == 1)
    if len(names) != wanted:
        raise Terminal(f"`release {args.what}` wants {wanted} release{'s' * (wanted > 1)}, not {len(names)}")
    facts = [releases.find(lake, name) for name in names]
    if args.what == "show":
        said = {**facts[0], "withdrawn": len(releases.withdrawn(lake, facts[0]))}
        show(said, args.as_json, facts_text({k: v for k, v in said.items() if k not in ("shards", "recipe")}))
    elif args.what == "verify":
        wrong = releases.verify(lake, facts[0])
        if wrong:
            raise Terminal(f"{facts[0]['name']}: {'; '.join(wrong)}")
        show({"ok": True}, args.as_json, f"{facts[0]['name']}: {len(facts[0]['shards'])} shards are as they were written")
    elif args.what == "diff":
        said = releases.diff(lake, *facts)
        show(said, args.as_json, facts_text(said))
    elif args.what == "card":
        text = releases.card(facts[0])
        show({"card": text}, args.as_json, text)
    else:
        if not args.out:
            raise Terminal("`release export` wants --out DIR")
        made = [str(p) for p in releases.export_webdataset(lake, facts[0], local_path(args.out))]
        if gone := releases.withdrawn(lake, facts[0]):
            note(f"{facts[0]['name']}: left out what was taken down since it was made ({len(gone)} sources)")
        show({"tars": made}, args.as_json, "\n".join(made))
    return 0
