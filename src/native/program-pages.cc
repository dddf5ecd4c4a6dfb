#include "program-pages.h"

#include <link.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cinttypes>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <vector>

namespace etherloom {

namespace {

// Bytes; smaller parts are not looked at.
constexpr size_t kWorthDropping = 1 << 20;

struct Range {
  uintptr_t begin;
  uintptr_t end;
};

// What is mapped from files and cannot be written.
std::vector<Range> fileMappings() {
  std::vector<Range> found;
  FILE* maps = fopen("/proc/self/maps", "re");
  if (maps == nullptr) return found;
  char* line = nullptr;
  size_t capacity = 0;
  while (getline(&line, &capacity, maps) > 0) {
    uintptr_t begin = 0;
    uintptr_t end = 0;
    unsigned long inode = 0;
    char rights[5] = {};
    if (sscanf(line, "%" SCNxPTR "-%" SCNxPTR " %4s %*x %*x:%*x %lu", &begin, &end, rights, &inode) != 4) continue;
    if (inode != 0 && rights[0] == 'r' && rights[1] == '-' && rights[3] == 'p') found.push_back(Range{begin, end});
  }
  free(line);
  fclose(maps);
  return found;
}

int dropReadOnlyParts(dl_phdr_info* object, size_t, void* context) {
  const auto& mappings = *static_cast<const std::vector<Range>*>(context);
  const uintptr_t page = static_cast<uintptr_t>(sysconf(_SC_PAGESIZE));
  for (int i = 0; i < object->dlpi_phnum; i++) {
    const auto& part = object->dlpi_phdr[i];
    if (part.p_type != PT_LOAD || (part.p_flags & PF_W) != 0 || part.p_memsz < kWorthDropping) continue;
    const uintptr_t begin = object->dlpi_addr + part.p_vaddr;
    const uintptr_t first = (begin + page - 1) & ~(page - 1);
    const uintptr_t last = (begin + part.p_memsz) & ~(page - 1);
    for (const Range& mapping : mappings) {
      const uintptr_t from = first > mapping.begin ? first : mapping.begin;
      const uintptr_t to = last < mapping.end ? last : mapping.end;
      if (from < to) madvise(reinterpret_cast<void*>(from), to - from, MADV_DONTNEED);
    }
  }
  return 0;
}

}  // namespace

void dropProgramPages() {
  std::vector<Range> mappings = fileMappings();
  dl_iterate_phdr(dropReadOnlyParts, &mappings);
}

}  // namespace etherloom
