package scripted

import (
	"container/heap"
	"time"
)

// happening is something that is due at a time.
type happening struct {
	at    time.Time
	order int
	do    func()
}

// queue has what is due, the earliest first; at the same time, what was planned first.
type queue struct {
	list    []happening
	planned int
}

func (q *queue) Len() int { return len(q.list) }

func (q *queue) Less(i, j int) bool {
	if !q.list[i].at.Equal(q.list[j].at) {
		return q.list[i].at.Before(q.list[j].at)
	}
	return q.list[i].order < q.list[j].order
}

func (q *queue) Swap(i, j int) { q.list[i], q.list[j] = q.list[j], q.list[i] }

// Push and Pop are heap's.
func (q *queue) Push(value any) { q.list = append(q.list, value.(happening)) }

// Pop takes the last one.
func (q *queue) Pop() any {
	end := len(q.list) - 1
	value := q.list[end]
	q.list = q.list[:end]
	return value
}

// at plans something.
func (w *World) at(when time.Time, do func()) {
	w.queue.planned++
	heap.Push(&w.queue, happening{at: when, order: w.queue.planned, do: do})
}

// in plans something that long after what is happening now.
func (w *World) in(after time.Duration, do func()) { w.at(w.clock.Add(after), do) }

// advance lets everything happen that is due.
func (w *World) advance() {
	until := w.now()
	for w.queue.Len() > 0 && !w.queue.list[0].at.After(until) {
		next := heap.Pop(&w.queue).(happening)
		w.clock = next.at
		next.do()
	}
	w.clock = until
}
