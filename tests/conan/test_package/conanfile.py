import os

from conan import ConanFile
from conan.tools.build import can_run
from conan.tools.cmake import CMake, CMakeDeps, CMakeToolchain, cmake_layout


class TestPackage(ConanFile):
    """A session of each kind that the package was built for, over real sockets and over the test kit."""

    settings = "os", "arch", "compiler", "build_type"

    def requirements(self):
        self.requires(self.tested_reference_str)

    def layout(self):
        cmake_layout(self)

    def kinds(self):
        options = self.dependencies["libnet-asio"].options
        return ["libnet"] + [kind for kind in ("tls", "testing") if options.get_safe(f"with_{kind}")]

    def generate(self):
        toolchain = CMakeToolchain(self)
        toolchain.cache_variables["KINDS"] = ";".join(self.kinds())
        toolchain.generate()
        CMakeDeps(self).generate()

    def build(self):
        cmake = CMake(self)
        cmake.configure()
        cmake.build()

    def test(self):
        if can_run(self):
            for kind in self.kinds():
                self.run(os.path.join(self.cpp.build.bindir, f"{kind}_session"), env="conanrun")
