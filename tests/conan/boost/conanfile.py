"""The Boost of this system under the name that Conan Center has for it, so that the recipe is tested as it is,
without a remote. Its headers are where the compiler looks anyway."""

import re

from conan import ConanFile
from conan.tools.files import load


class SystemBoost(ConanFile):
    name = "boost"
    settings = "os", "arch", "compiler", "build_type"
    options = {"header_only": [True]}
    default_options = {"header_only": True}

    def set_version(self):
        header = load(self, "/usr/include/boost/version.hpp")
        version = re.search(r'#define BOOST_LIB_VERSION "(\d+)_(\d+)(?:_(\d+))?"', header)
        self.version = f"{version[1]}.{version[2]}.{version[3] or 0}"

    def package_id(self):
        self.info.clear()

    def package_info(self):
        self.cpp_info.set_property("cmake_file_name", "Boost")
        headers = self.cpp_info.components["headers"]
        headers.set_property("cmake_target_name", "Boost::headers")
        headers.includedirs = headers.libdirs = headers.bindirs = []
