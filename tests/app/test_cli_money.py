"""``ais agency``, ``cash``, ``credit``, ``refunds``, ``disputes`` and ``webhooks`` on an empty house."""

from __future__ import annotations

from pathlib import Path

from tests.factories.command_line import CommandLine


def test_a_morning_with_an_agency_and_a_drawer(servers, tmp_path: Path):
    with servers.database() as url:
        ais = CommandLine(url, tmp_path)
        ais("migrate")
        for empty, says in (
            (("agency", "list"), "There are no agencies.\n"),
            (("cash", "shifts"), "There are no shifts.\n"),
            (("ledger", "balances"), "There is nothing to show.\n"),
        ):
            assert ais(*empty).stdout == says
        ais("agency", "create", "dst", "Desert Travel", "--credit-limit", "500.00 SAR")
        top_up = ("agency", "top-up", "DST", "100.00 SAR", "--reference")
        ais(*top_up, "FT1")
        assert "nothing is changed" in ais(*top_up, "FT1", code=1).stderr
        ais("agency", "set-limit", "DST", "50.00 SAR")
        (agency,) = ais.json("agency", "list")["agencies"]
        assert (agency["code"], agency["balance"], agency["available"]) == ("DST", "100.00 SAR", "150.00 SAR")
        lines = ais("agency", "statement", "DST", "--csv").stdout.splitlines()
        assert [line.split(",")[1:] for line in lines] == [
            ["kind", "amount", "balance", "currency", "reference"],
            ["topped_up", "100.00", "100.00", "SAR", "FT1"],
        ]
        (agency,) = ais.json(*top_up, "FT1", "--again")["agencies"]
        assert agency["balance"] == "200.00 SAR"
        ais("agency", "top-up", "XXX", "1.00 SAR", "--reference", "FT1", code=2)
        ais("cash", "add-office", "ruh01", "Olaya", "--currency", "sar")
        (shift,) = ais.json("cash", "open", "RUH01", "c1", "100.00 SAR")["shifts"]
        closed = ais("cash", "close", shift["id"], "99.50 SAR", "--json", code=1)
        assert '"-0.50 SAR"' in closed.stdout
        assert ais.json("cash", "shifts", "--open") == {"shifts": []}
        assert [matter["kind"] for matter in ais.json("staff", "list")["matters"]] == ["cash_difference"]
        for _ in range(2):  # again changes nothing
            (gone,) = ais.json("cash", "write-off", shift["id"], "--reason", "shortage")["shifts"]
            assert (gone["id"], gone["difference"]) == (shift["id"], "-0.50 SAR")
        assert ais.json("staff", "list")["matters"] == []
        posted = ais.json("ledger", "balances")["balances"]
        left = {each["account"]: each["balance"]["amount"] for each in posted if each["account"].startswith("cash")}
        assert left == {"cash": "0.00", "cash_difference": "0.50"}
        (even,) = ais.json("cash", "open", "RUH01", "c2", "10.00 SAR")["shifts"]
        for time in range(2):  # open, and closed with what should be in it
            failed = ais.json("cash", "write-off", even["id"], "--reason", "none", code=1)
            assert failed["error"]["code"] == "NOTHING_TO_WRITE_OFF"
            ais("cash", "close", even["id"], "10.00 SAR", code=time)
        ais("cash", "write-off", "shf_none", "--reason", "none", code=2)
        ais("credit", "show", "0" * 20, code=1)
        assert ais.json("refunds", "list") == {"refunds": []}
        assert ais.json("disputes", "list") == {"disputes": []}
        assert ais.json("webhooks", "list", "--dead") == {"events": []}
        assert ais.json("webhooks", "list", "--counts") == {"counts": []}
        ais("webhooks", "show", "evt_none", code=1)
        ais("webhooks", "replay", "evt_none", code=1)
        ais("verify")
