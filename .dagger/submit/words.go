package submit

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"time"
)

// hash is a text's SHA-256 in hexadecimal digits.
func hash(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}

// bytesText is a size as people read it, e.g. "1.2 MB".
func bytesText(size int64) string {
	if size < 1000 {
		return fmt.Sprintf("%d bytes", size)
	}
	value, unit := float64(size), ""
	for _, unit = range []string{"kB", "MB", "GB"} {
		if value /= 1000; value < 999.95 {
			break
		}
	}
	return fmt.Sprintf("%.1f %s", value, unit)
}

// stamp is a time as people read it, e.g. "2026-11-22 07:30 UTC".
func stamp(at time.Time) string { return at.UTC().Format("2006-01-02 15:04 UTC") }

// or is a text, or another where it is empty.
func or(text, otherwise string) string {
	if text != "" {
		return text
	}
	return otherwise
}
