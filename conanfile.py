import os
import re

from conan import ConanFile
from conan.errors import ConanInvalidConfiguration
from conan.tools.build import valid_min_cppstd
from conan.tools.cmake import CMake, CMakeDeps, CMakeToolchain, cmake_layout
from conan.tools.files import copy, load, rmdir
from conan.tools.scm import Version

required_conan_version = ">=2.4"


class LibnetAsio(ConanFile):
    name = "libnet-asio"  # "libnet" is a packet library's
    description = "C++20 coroutine connection handlers on Boost.Asio"
    license = "BSL-1.0"
    topics = ("networking", "asio", "coroutines", "tcp", "tls", "server")
    package_type = "library"
    settings = "os", "arch", "compiler", "build_type"
    options = {
        "shared": [True, False],
        "fPIC": [True, False],
        "with_tls": [True, False],
        "with_testing": [True, False],
    }
    default_options = {
        "shared": False,
        "fPIC": True,
        "with_tls": True,
        "with_testing": True,
        "boost/*:header_only": True,  # all that is needed; whoever needs more of Boost says so in their own recipe
    }
    implements = ["auto_shared_fpic"]
    test_package_folder = "tests/conan/test_package"
    exports_sources = "CMakeLists.txt", "LICENSE", "libnet/*", "packaging/debian.cmake"

    oldest_compilers = {"gcc": "12", "clang": "16"}

    def set_version(self):
        header = load(self, os.path.join(self.recipe_folder, "libnet/include/libnet/version.hpp"))
        parts = re.findall(r"#define LIBNET_ASIO_VERSION_(?:MAJOR|MINOR|PATCH) (\d+)", header)
        self.version = ".".join(parts)

    def layout(self):
        cmake_layout(self)

    def requirements(self):
        self.requires("boost/[>=1.81 <2]", transitive_headers=True)
        if self.options.with_tls:
            self.requires("openssl/[>=3 <4]")

    def validate(self):
        if self.settings.os != "Linux":
            raise ConanInvalidConfiguration(f"{self.ref} runs on Linux only, so far; not on {self.settings.os}")
        compiler, version = str(self.settings.compiler), Version(self.settings.compiler.version)
        oldest = self.oldest_compilers.get(compiler)
        if oldest is None:
            raise ConanInvalidConfiguration(f"{self.ref} is built with gcc or clang, not with {compiler}")
        if version < oldest:
            raise ConanInvalidConfiguration(
                f"{self.ref} needs {compiler} {oldest} or newer; this profile says {version}, whose coroutines are "
                "not good enough")
        if self.settings.get_safe("compiler.cppstd") and not valid_min_cppstd(self, 20):
            raise ConanInvalidConfiguration(
                f"{self.ref} needs C++20, and this profile says {self.settings.compiler.cppstd}: "
                "add `-s compiler.cppstd=20`, or write it into the profile")

    def generate(self):
        toolchain = CMakeToolchain(self)
        toolchain.cache_variables["LIBNET_ASIO_BUILD_APPS"] = False
        toolchain.cache_variables["LIBNET_ASIO_BUILD_TESTS"] = False
        toolchain.cache_variables["LIBNET_ASIO_BUILD_TLS"] = bool(self.options.with_tls)
        toolchain.cache_variables["LIBNET_ASIO_BUILD_TESTING"] = bool(self.options.with_testing)
        toolchain.generate()
        CMakeDeps(self).generate()

    def build(self):
        cmake = CMake(self)
        cmake.configure()
        cmake.build()

    def package(self):
        copy(self, "LICENSE", self.source_folder, os.path.join(self.package_folder, "licenses"))
        CMake(self).install()
        # Conan's generators make both for the consumer.
        rmdir(self, os.path.join(self.package_folder, "lib", "cmake"))
        rmdir(self, os.path.join(self.package_folder, "lib", "pkgconfig"))

    def package_info(self):
        self.cpp_info.set_property("cmake_file_name", "libnet")
        self.cpp_info.set_property("cmake_config_version_compat", "SameMinorVersion")  # 0.x: a minor version may break
        core = self.add_component("libnet", "net-asio", ["boost::headers"])
        core.defines.append("BOOST_ASIO_NO_DEPRECATED")
        core.system_libs.append("pthread")
        if self.options.shared:
            core.defines.append("LIBNET_ASIO_SHARED")
        if self.options.with_tls:
            self.add_component("tls", "net-asio-tls", ["libnet", "openssl::ssl", "openssl::crypto"])
        if self.options.with_testing:
            self.add_component("testing", "net-asio-testing", ["libnet"])

    def add_component(self, name, library, requires):
        """The target libnet::<name> and the pkg-config module are those that `cmake --install` makes."""
        component = self.cpp_info.components[name]
        component.set_property("cmake_target_name", f"libnet::{name}")
        component.set_property("pkg_config_name", library)
        component.libs = [library]
        component.requires = requires
        return component
