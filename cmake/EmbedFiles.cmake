# Embeds the files of a folder into a target: generates the definition of `embedded_files()`
# (src/server/embedded_files.h), the bytes pulled in by the assembler. No folder, no files: an empty table.
function(atelier_embed_files target folder)
  file(GLOB_RECURSE files RELATIVE ${folder} CONFIGURE_DEPENDS ${folder}/*)
  list(FILTER files EXCLUDE REGEX "(^|/)\\.")
  list(SORT files)
  set(symbols "")
  set(entries "")
  set(number 0)
  set(paths "")
  foreach(file IN LISTS files)
    string(APPEND symbols
      "asm(\".section .rodata\\natelier_file_${number}:\\n.incbin \\\"${folder}/${file}\\\"\\n\"\n"
      "    \"atelier_file_${number}_end:\\n.byte 0\\n.previous\\n\");\n"
      "extern \"C\" const char atelier_file_${number}[], atelier_file_${number}_end[];\n")
    string(APPEND entries
      "      {\"${file}\", {atelier_file_${number}, static_cast<std::size_t>(atelier_file_${number}_end - atelier_file_${number})}},\n")
    list(APPEND paths ${folder}/${file})
    math(EXPR number "${number} + 1")
  endforeach()
  if(entries)
    set(body "  static const EmbeddedFile files[] = {\n${entries}  };\n  return files;\n")
  else()
    set(body "  return {};\n")
  endif()
  set(source ${CMAKE_CURRENT_BINARY_DIR}/embedded_files.cpp)
  file(CONFIGURE OUTPUT ${source} CONTENT
"#include \"server/embedded_files.h\"

#include <cstddef>

@symbols@
namespace atelier::server {

std::span<const EmbeddedFile> embedded_files() {
@body@}

}  // namespace atelier::server
" @ONLY)
  set_source_files_properties(${source} PROPERTIES OBJECT_DEPENDS "${paths}")
  target_sources(${target} PRIVATE ${source})
endfunction()
