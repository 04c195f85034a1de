package knobs

// pair is two knobs' values.
type pair struct{ knobA, valueA, knobB, valueB int }

// pairwise makes rows in which every pair of two knobs' values occurs. Each row
// takes the first pair that no row has yet, then for every other knob the value
// that adds most. The rows are the same each time.
func pairwise(sizes []int) [][]int {
	missing := allPairs(sizes)
	var rows [][]int
	for _, first := range order(sizes) {
		if !missing[first] {
			continue
		}
		row := make([]int, len(sizes))
		for i := range row {
			row[i] = -1
		}
		row[first.knobA], row[first.knobB] = first.valueA, first.valueB
		for i := range row {
			if row[i] < 0 {
				row[i] = best(row, i, sizes[i], missing)
			}
		}
		for _, each := range pairsOf(row) {
			delete(missing, each)
		}
		rows = append(rows, row)
	}
	return rows
}

// order lists every pair in a fixed order.
func order(sizes []int) []pair {
	var all []pair
	for a := range sizes {
		for b := a + 1; b < len(sizes); b++ {
			for i := range sizes[a] {
				for j := range sizes[b] {
					all = append(all, pair{a, i, b, j})
				}
			}
		}
	}
	return all
}

// allPairs is every pair as a set.
func allPairs(sizes []int) map[pair]bool {
	set := map[pair]bool{}
	for _, each := range order(sizes) {
		set[each] = true
	}
	return set
}

// best is the value of a knob that completes most of the missing pairs.
func best(row []int, knob, size int, missing map[pair]bool) int {
	chosen, most := 0, -1
	for value := range size {
		row[knob] = value
		count := 0
		for _, each := range pairsOf(row) {
			if missing[each] {
				count++
			}
		}
		if count > most {
			chosen, most = value, count
		}
	}
	row[knob] = -1
	return chosen
}

// pairsOf lists the pairs of a row's values; -1 is not chosen yet.
func pairsOf(row []int) []pair {
	var all []pair
	for a := range row {
		for b := a + 1; b < len(row); b++ {
			if row[a] >= 0 && row[b] >= 0 {
				all = append(all, pair{a, row[a], b, row[b]})
			}
		}
	}
	return all
}
