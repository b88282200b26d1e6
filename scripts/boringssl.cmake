# Finds BoringSSL and defines the target BoringSSL::SSL (libssl and libcrypto with their headers).
# BORINGSSL_ROOT names a prefix: include/openssl/ssl.h, and lib/ with static or shared libraries,
# or a CMake package of BoringSSL's own. Without it, Debian's android-libboringssl-dev is used,
# whose headers and libraries each lie in a folder named android.
add_library(BoringSSL::SSL INTERFACE IMPORTED)
if(BORINGSSL_ROOT)
  set(hints NO_DEFAULT_PATH PATHS ${BORINGSSL_ROOT})
  set(include_suffixes include)
  set(lib_suffixes lib lib64 lib/${CMAKE_LIBRARY_ARCHITECTURE})
else()
  set(hints)
  set(include_suffixes android)
  set(lib_suffixes android ${CMAKE_LIBRARY_ARCHITECTURE}/android)
endif()
find_path(BORINGSSL_INCLUDE_DIR openssl/is_boringssl.h ${hints} PATH_SUFFIXES ${include_suffixes} REQUIRED)
find_library(BORINGSSL_SSL_LIBRARY ssl ${hints} PATH_SUFFIXES ${lib_suffixes} REQUIRED)
find_library(BORINGSSL_CRYPTO_LIBRARY crypto ${hints} PATH_SUFFIXES ${lib_suffixes} REQUIRED)
if(NOT EXISTS ${BORINGSSL_INCLUDE_DIR}/openssl/is_boringssl.h)
  message(FATAL_ERROR "${BORINGSSL_INCLUDE_DIR} holds no BoringSSL (openssl/is_boringssl.h is missing)")
endif()
message(STATUS "BoringSSL: ${BORINGSSL_SSL_LIBRARY}")
target_include_directories(BoringSSL::SSL SYSTEM INTERFACE ${BORINGSSL_INCLUDE_DIR})
target_link_libraries(BoringSSL::SSL INTERFACE ${BORINGSSL_SSL_LIBRARY} ${BORINGSSL_CRYPTO_LIBRARY} Threads::Threads)
# Debian's library lies outside the loader's path, and OpenSSL has the same file names.
cmake_path(GET BORINGSSL_SSL_LIBRARY PARENT_PATH boringssl_lib_dir)
list(APPEND CMAKE_BUILD_RPATH ${boringssl_lib_dir})
list(APPEND CMAKE_INSTALL_RPATH ${boringssl_lib_dir})
