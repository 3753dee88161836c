"""What a manifest asks of each image, and what is wrong with one."""

from __future__ import annotations

import pytest

from dscope_blink.files.manifest import Manifest, make_request, positive_number, read_manifest
from dscope_blink.records import Request, UserError
from tests.builders.settings import SETTINGS

CRITERIA = SETTINGS.profile("fast_scan").criteria
ASKED = Request("iec_61300_3_35_2015", "multimode", core_diameter_um=50.0, cladding_diameter_um=125.0)


@pytest.fixture
def read(tmp_path):
    """Read a manifest with this text."""

    def reader(text: str | bytes, asked: Request = ASKED) -> Manifest:
        path = tmp_path / "manifest.csv"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return read_manifest(path, CRITERIA, asked, ("panda", "square_core"))

    return reader


def problems(read, text: str | bytes) -> list[str]:
    with pytest.raises(UserError) as caught:
        read(text)
    return str(caught.value).splitlines()


def test_a_row_overrides_the_command_line_and_an_empty_cell_does_not(read):
    requests = read("file,fiber_class,core_diameter_um,pixel_aspect_ratio\na.png,custom,,1.09\nb.png,,62.5,\n").requests
    assert requests["a.png"] == Request("iec_61300_3_35_2015", "custom", 50.0, 125.0, 1.09)
    assert requests["b.png"] == Request("iec_61300_3_35_2015", "multimode", 62.5, 125.0)


def test_other_columns_are_carried_as_text(read):
    requests = read("serial,file,Operator\n0042,a.png,\u00c5se\n").requests
    assert requests["a.png"].manifest == {"serial": "0042", "Operator": "\u00c5se"}


def test_a_row_names_the_structure_of_its_fiber(read):
    asked = Request("iec_61300_3_35_2015", "multimode", fiber_structure="square_core")
    requests = read("file,fiber_structure\na.png,panda\nb.png,\n", asked).requests
    assert [requests[name].fiber_structure for name in ("a.png", "b.png")] == ["panda", "square_core"]
    (line,) = problems(read, "file,fiber_structure\na.png,pandda\n")
    assert line.endswith(
        'row 2: fiber_structure: must be one of "panda", "square_core", got "pandda", did you mean "panda"?'
    )


def test_the_zones_of_the_command_line_hold_for_every_row(read):
    asked = Request("iec_61300_3_35_2015", "multimode", zones=("core",))
    assert read("file\na.png\n", asked).requests["a.png"].zones == ("core",)


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_files_of_any_spreadsheet_are_read(read, end):
    text = end.join(["\ufefffile,edition", '"a, b.png",iec_61300_3_35_2022', "", ","])
    assert read(text).requests["a, b.png"].edition == "iec_61300_3_35_2022"


def test_known_columns_are_known_in_capitals_too(read):
    assert read("File,Fiber_Class\na.png,custom\n").requests["a.png"].fiber_class == "custom"


@pytest.mark.parametrize("name", ["sub\\a\u0308.png", "./sub/\u00e4.png"])
def test_one_file_may_be_written_in_several_ways(read, name):
    assert list(read(f"file\n{name}\n").requests) == ["sub/\u00e4.png"]


def test_every_problem_is_reported_with_its_row(read):
    text = (
        "file,fiber_class,core_diameter_um,cladding_diameter_um\n"
        "a.png,multimod,fifty,-1\n"
        "b.png,,130,\n"
        "\n"
        ",multimode,,\n"
        "./b.png,,,\n"
        "c.png,,,125,left over\n"
    )
    lines = problems(read, text)
    assert [line.split(": ")[1] for line in lines] == ["row 2", "row 2", "row 2", "row 3", "row 5", "row 6", "row 7"]
    assert "core_diameter_um must be a number, got 'fifty'" in lines[0]
    assert "cladding_diameter_um must be a positive number, got -1" in lines[1]
    assert 'did you mean "multimode"' in lines[2]
    assert "core_diameter_um must be less than cladding_diameter_um, got 130.0 and 125.0" in lines[3]
    assert "no file is named" in lines[4]
    assert "'./b.png' is named twice" in lines[5]
    assert "5 cells under 4 columns" in lines[6]


@pytest.mark.parametrize("number", ["nan", "inf", "0", "-3", "1e999", "1,250", "12,5,0", "50um"])
def test_a_size_is_a_positive_number(number):
    with pytest.raises(UserError, match=r"core_diameter_um must be a (positive )?number( without .*)?, got"):
        positive_number("core_diameter_um", number)


@pytest.mark.parametrize(("text", "value"), [("12,5", 12.5), ("0,435", 0.435), ("125", 125.0), (" 9.5 ", 9.5)])
def test_a_decimal_sign_may_be_a_comma(text, value):
    assert positive_number("core_diameter_um", text) == value


def test_an_edition_without_the_class_is_refused_by_name(read):
    (line,) = problems(read, "file,edition\na.png,iec_61300_3_35_2009\n")
    assert "iec_61300_3_35_2009" in line
    assert "multimode" in line


def test_a_manifest_needs_the_column_file(read):
    (line,) = problems(read, "name,fiber_class\na.png,custom\n")
    assert line == "manifest.csv: no column \"file\", its columns are 'name', 'fiber_class'"


@pytest.mark.parametrize("sign", [";", "\t"])
def test_cells_may_stand_between_what_spreadsheets_write_where_numbers_have_commas(read, sign):
    manifest = read(f"file{sign}core_diameter_um{sign}lot\na.png{sign}62,5{sign}7,8\n")
    assert manifest.requests["a.png"].core_diameter_um == 62.5
    assert manifest.requests["a.png"].manifest == {"lot": "7,8"}


def test_an_empty_manifest_is_refused(read):
    assert problems(read, "") == ['manifest.csv: no column "file", its columns are none']


def test_a_column_given_twice_is_refused(read):
    assert problems(read, "file,File,lot\n") == ["manifest.csv: column 'file' appears twice"]


@pytest.mark.parametrize("name", ["fibre_class", "Fiber Class", "core diameter um"])
def test_a_misspelt_column_is_refused(read, name):
    (line,) = problems(read, f"file,{name}\na.png,custom\n")
    near = "core_diameter_um" if "core" in name else "fiber_class"
    text = f'column {name!r} would be carried along unread; did you mean "{near}"? Else give it another name'
    assert line == f"manifest.csv: {text}"


def test_a_row_has_the_class_that_is_for_its_core_unless_one_is_asked_for(read):
    requests = read("file,core_diameter_um,fiber_class\na.png,9,\nb.png,50,\nc.png,50,single_mode_upc\n").requests
    assert [requests[name].fiber_class for name in ("a.png", "b.png", "c.png")] == [
        "single_mode_upc",
        "multimode",
        "single_mode_upc",
    ]


def test_a_quote_that_never_ends_is_refused(read):
    (line,) = problems(read, 'file\n"a.png\nb.png\n')
    assert "not a CSV table" in line


def test_a_manifest_that_is_no_utf8_is_refused(read):
    (line,) = problems(read, "file\nä.png\n".encode("latin-1"))
    assert "not UTF-8 text, byte 5" in line


def test_a_manifest_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(UserError, match="cannot be read"):
        read_manifest(tmp_path / "none.csv", CRITERIA, ASKED)


def test_a_wrong_request_names_all_that_is_wrong():
    with pytest.raises(UserError) as caught:
        make_request(ASKED, {"fiber_class": "none such", "core_diameter_um": 125.0}, CRITERIA)
    assert len(str(caught.value).splitlines()) == 2


@pytest.mark.parametrize(("text", "angled"), [("yes", True), ("No", False), ("1", True), ("false", False), ("", None)])
def test_a_row_says_whether_the_face_is_angled(read, text, angled):
    (request,) = read(f"file,fiber_is_angled\na.png,{text}\n").requests.values()
    assert request.fiber_is_angled is angled


def test_an_answer_that_is_none_is_refused_with_the_answers(read):
    with pytest.raises(
        UserError, match="row 2: fiber_is_angled must be one of yes, true, 1, no, false, 0, got 'maybe'"
    ):
        read("file,fiber_is_angled\na.png,maybe\n")
