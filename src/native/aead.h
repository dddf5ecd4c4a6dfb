// Transport AEADs through the OpenSSL that Node exports. The key schedule is kept in a context; only the nonce is set
// per record, which is what makes AES-256-GCM cost 0.2 us per 1400 bytes.
#pragma once

#include <openssl/evp.h>

#include <cstdint>

namespace etherloom {

enum class AeadKind : uint8_t { none = 0, aes256Gcm = 1, chacha20Poly1305 = 2 };

constexpr uint32_t kTagLength = 16;

// One direction of a session. The nonce is four zero bytes and the 64-bit counter: little endian as in WireGuard for
// ChaCha20-Poly1305 and for AES-GCM alike (DESIGN section 5).
class Aead {
 public:
  Aead() = default;
  ~Aead();
  Aead(const Aead&) = delete;
  Aead& operator=(const Aead&) = delete;

  // key: 32 bytes. False when OpenSSL refuses.
  bool init(AeadKind kind, const uint8_t* key, bool sealing);

  // Seals `length` bytes in place and writes 16 tag bytes to `tag`.
  bool seal(uint64_t counter, const uint8_t* aad, uint32_t aadLength, uint8_t* text, uint32_t length, uint8_t* tag);

  // Opens `length` bytes in place; false when the tag does not fit, `text` is then garbage.
  bool open(uint64_t counter, const uint8_t* aad, uint32_t aadLength, uint8_t* text, uint32_t length,
            const uint8_t* tag);

 private:
  EVP_CIPHER_CTX* context_ = nullptr;
};

// Keyed BLAKE2s with 16 bytes of output (RFC 7693), the MAC of mac1 and mac2.
class Blake2sMac {
 public:
  Blake2sMac();
  ~Blake2sMac();
  Blake2sMac(const Blake2sMac&) = delete;
  Blake2sMac& operator=(const Blake2sMac&) = delete;

  // key: 1..32 bytes; out: 16 bytes.
  bool compute(const uint8_t* key, uint32_t keyLength, const uint8_t* data, uint32_t length, uint8_t* out);

 private:
  EVP_MAC* mac_;
};

}  // namespace etherloom
