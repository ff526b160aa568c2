"""A ball before the camera, for which every label is known in closed form."""

import numpy as np
import pytest

from headfreeze.meshes.trace import Mesh, vertex_normals
from headfreeze.synth.heads.hair import Hair
from headfreeze.synth.heads.landmarks import keypoints
from headfreeze.synth.heads.regions import Regions
from headfreeze.synth.heads.scene import Scene, pixel_labels
from headfreeze.synth.heads.view import View
from tests.synth.heads.small_model import ball_mesh

CENTRE, RADIUS = np.array([0.05, -0.03, -0.8]), 0.1
VIEW, SIZE = View(3.0, (0.4, 0.55)), 64
BALD = Hair(0.0, 0.0, 0.0, 0.03)


def ball(rows: int = 300, columns: int = 400) -> Mesh:
    places, triangles = ball_mesh(rows, columns)
    return Mesh((CENTRE + RADIUS * places).astype(np.float32), triangles.astype(np.int64))


def scene(mesh: Mesh) -> Scene:
    normals = vertex_normals(mesh.vertices, mesh.triangles)
    fields = np.zeros((len(normals), len(Regions._fields)), np.float32)
    fields[:, Regions._fields.index("face")] = mesh.vertices[:, 1] - np.float32(CENTRE[1])  # the upper half
    return Scene(mesh, normals, fields, np.zeros(len(mesh.triangles), np.uint8), BALD, VIEW)


def rays() -> np.ndarray:
    """Directions through the centres of the pixels, worked out anew: a pinhole whose picture is one unit wide."""
    j, i = np.meshgrid(np.arange(SIZE), np.arange(SIZE))
    return np.stack([((j + 0.5) / SIZE - 0.4) / 3, (0.55 - (i + 0.5) / SIZE) / 3, -np.ones((SIZE, SIZE))], axis=-1)


def exact() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Depth, normals, and how far inside of the ball's outline a pixel is, in metres at the ball."""
    ways = rays()
    a, b, c = (ways**2).sum(-1), ways @ CENTRE, CENTRE @ CENTRE - RADIUS**2
    root = np.sqrt(np.maximum(b**2 - a * c, 0))
    depth = (b - root) / a
    inside = RADIUS - np.linalg.norm(CENTRE - (b / a)[..., None] * ways, axis=-1)
    return depth, (depth[..., None] * ways - CENTRE) / RADIUS, inside


def test_depth_and_normals_of_a_ball_are_those_of_the_closed_form() -> None:
    labels = pixel_labels(scene(ball()), SIZE)
    depth, normals, inside = exact()
    on, off = inside > 0.001, inside < -0.001
    assert on.sum() > 1000
    assert off.sum() > 1000
    assert np.abs(labels["depth"] - depth)[on].max() < 2e-4
    cosine = (labels["normals"] * normals).sum(-1)[on]
    assert np.rad2deg(np.arccos(cosine.clip(-1, 1))).max() < 0.5
    assert np.abs(np.linalg.norm(labels["normals"][on], axis=-1) - 1).max() < 1e-6
    assert not labels["depth"][off].any()
    assert not labels["normals"][off].any()


def test_the_mask_is_where_the_field_of_the_face_is_positive() -> None:
    mask = pixel_labels(scene(ball()), SIZE)["mask"]
    depth, _, inside = exact()
    height = (rays() * depth[..., None])[..., 1] - CENTRE[1]
    sure = (np.abs(inside) > 0.001) & (np.abs(height) > 0.001)
    assert (mask == ((inside > 0) & (height > 0)))[sure].all()


def test_landmarks_are_where_a_pinhole_sees_them_and_hidden_behind_the_horizon() -> None:
    mesh = ball(61, 80)
    points = keypoints(mesh, np.arange(len(mesh.vertices)), VIEW, SIZE)
    x, y, z = mesh.vertices.T.astype(float)
    assert np.allclose(points[:, 0], SIZE * (0.4 + 3 * x / -z), atol=1e-3)
    assert np.allclose(points[:, 1], SIZE * (0.55 - 3 * y / -z), atol=1e-3)
    pixels_per_metre = SIZE * 3 / -z.mean()
    assert np.allclose(points[:, 2], (z - z.mean()) * pixels_per_metre, atol=1e-3)
    assert abs(points[:, 2].mean()) < 1e-3
    facing = ((mesh.vertices - CENTRE) * -mesh.vertices).sum(1) / RADIUS / np.linalg.norm(mesh.vertices, axis=1)
    assert (points[facing > 0.01, 3] == 1).all()
    assert (points[facing < -0.3, 3] == 0).all()  # before the horizon a hidden point is too near to what hides it


def test_a_pixels_own_ray_leads_back_to_its_centre() -> None:
    j, i = np.meshgrid(np.arange(SIZE), np.arange(SIZE))
    projected = VIEW.project(VIEW.rays(SIZE), SIZE)
    assert np.allclose(projected, np.stack([j + 0.5, i + 0.5], axis=-1).reshape(-1, 2), atol=1e-4)
    assert np.allclose(VIEW.rays(SIZE), rays().reshape(-1, 3), atol=1e-6)


def test_a_landmark_behind_another_part_of_the_mesh_is_hidden() -> None:
    far, near = (
        np.float32([[0, 0, -1], [1, 0, -1], [0, 1, -1]]),
        np.float32([[-1, -1, -0.5], [3, -1, -0.5], [-1, 3, -0.5]]),
    )
    apart = near - (0, 0, 0.495)  # 5 mm before the others; 3 mm would do no harm
    for screen, seen in ((near, 0), (apart, 0), (apart - np.float32([0, 0, 0.002]), 1), (near - (0, 0, 1), 1)):
        mesh = Mesh(np.concatenate([far, screen]).astype(np.float32), np.array([[0, 1, 2], [3, 4, 5]]))
        assert (keypoints(mesh, np.arange(3), VIEW, SIZE)[:, 3] == seen).all()


def test_values_between_vertices_are_interpolated_and_rays_that_miss_are_left_out() -> None:
    mesh = Mesh(np.float32([[0, 0, -1], [1, 0, -1], [0, 1, -1]]), np.array([[0, 1, 2]]))
    ways = np.float32([[0.25, 0.5, -1], [5, 5, -1], [0.1, 0.1, -0.5]])
    hits = mesh.cast(np.zeros_like(ways), ways)
    assert hits.ray.tolist() == [0, 2]
    assert hits.distance == pytest.approx([1, 2])
    assert np.allclose(hits.weights, [[0.25, 0.25, 0.5], [0.6, 0.2, 0.2]], atol=1e-6)
    assert np.allclose(mesh.at(hits, mesh.vertices), ways[hits.ray] * hits.distance[:, None], atol=1e-6)
    assert mesh.blocked(np.zeros_like(ways), ways).tolist() == [True, False, True]
