"""The OpenSSL of this system under the name that Conan Center has for it; see ../boost."""

import glob
import re

from conan import ConanFile
from conan.errors import ConanException
from conan.tools.files import load


class SystemOpenSSL(ConanFile):
    name = "openssl"
    package_type = "shared-library"
    settings = "os", "arch", "compiler", "build_type"

    def set_version(self):
        headers = glob.glob("/usr/include/openssl/opensslv.h") + glob.glob("/usr/include/*/openssl/opensslv.h")
        if not headers:
            raise ConanException("this system has no headers of OpenSSL (Debian: libssl-dev)")
        self.version = re.search(r'# *define OPENSSL_VERSION_STR "([\d.]+)"', load(self, headers[0]))[1]

    def package_id(self):
        self.info.clear()

    def package_info(self):
        self.cpp_info.set_property("cmake_file_name", "OpenSSL")
        self.cpp_info.set_property("cmake_find_mode", "both")
        for name, target in (("crypto", "OpenSSL::Crypto"), ("ssl", "OpenSSL::SSL")):
            component = self.cpp_info.components[name]
            component.set_property("cmake_target_name", target)
            component.set_property("pkg_config_name", f"lib{name}")
            component.includedirs = component.libdirs = component.bindirs = []
            component.system_libs = [name]
        self.cpp_info.components["ssl"].requires = ["crypto"]
