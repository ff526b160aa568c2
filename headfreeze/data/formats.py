"""The published data sets that `headfreeze data convert` knows, by name. Light to import: for the help."""

READERS: dict[str, str] = {
    "folder": "folder:Folder",
    "packed": "folder:Packed",
    "nyuv2": "nyuv2:NYUv2",
    "nyuv2-hf": "nyuv2_hf:NYUv2HF",
    "suncg-pbrs": "suncg_pbrs:SuncgPbrs",
    "hypersim": "hypersim:Hypersim",
    "structured3d": "structured3d:Structured3D",
    "openrooms": "openrooms:OpenRooms",
    "2d3ds": "stanford2d3ds:Stanford2D3DS",
    "scannet": "scannet:ScanNet",
    "diode": "diode:Diode",
    "sfsnet": "sfsnet:SfSNet",
    "300w-lp": "w300lp:W300LP",
    "aflw2000": "w300lp:AFLW2000",
    "facewarehouse": "facewarehouse:FaceWarehouse",
    "facesynthetics": "facesynthetics:FaceSynthetics",
    "coco": "coco:Coco",
    "hf": "hugging_face:HuggingFace",
    "photos": "photos:Photos",
    "videos": "photos:Videos",
}
"""module:class below headfreeze.data.readers."""
