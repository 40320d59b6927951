#pragma once

namespace libnet::detail {

/// A place in an intrusive list. A node is in one list at most and leaves it when it dies.
class list_node {
public:
    /// A place that begins_unlinked() later, before anything else, and the end of which is nobody's
    /// business before that.
    struct not_linked {};

    list_node() noexcept : previous_(this), next_(this) {}
    explicit list_node(not_linked) noexcept {}
    list_node(const list_node&) = delete;
    list_node& operator=(const list_node&) = delete;
    ~list_node() { unlink(); }

    void begin_unlinked() noexcept { previous_ = next_ = this; }
    bool linked() const noexcept { return next_ != this; }

    void unlink() noexcept
    {
        previous_->next_ = next_;
        next_->previous_ = previous_;
        previous_ = next_ = this;
    }

private:
    template <class Node>
    friend class node_list;

    list_node* previous_;
    list_node* next_;
};

/// Nodes in the order in which they came. Owns nothing; empty when it dies or the nodes outlive it
/// unlinked.
template <class Node>
class node_list {
public:
    node_list() noexcept = default;
    ~node_list()
    {
        while (!empty()) {
            head_.next_->unlink();
        }
    }

    bool empty() const noexcept { return !head_.linked(); }
    Node& front() const noexcept { return static_cast<Node&>(*head_.next_); }
    Node& back() const noexcept { return static_cast<Node&>(*head_.previous_); }

    /// `node` must not be in any list.
    void push_back(Node& node) noexcept { insert(head_, node); }

    void push_front(Node& node) noexcept { insert(*head_.next_, node); }

    /// Keeps a sorted list sorted, behind those that are equal. Looks from the end.
    template <class Less>
    void insert_sorted(Node& node, Less less) noexcept
    {
        list_node* before = &head_;
        while (before->previous_ != &head_ && less(node, static_cast<Node&>(*before->previous_))) {
            before = before->previous_;
        }
        insert(*before, node);
    }

    Node& pop_front() noexcept
    {
        Node& node = front();
        node.unlink();
        return node;
    }

    /// Appends all of `other`, which is empty then.
    void take_from(node_list& other) noexcept
    {
        if (other.empty()) {
            return;
        }
        list_node* first = other.head_.next_;
        list_node* last = other.head_.previous_;
        other.head_.next_ = other.head_.previous_ = &other.head_;
        first->previous_ = head_.previous_;
        head_.previous_->next_ = first;
        last->next_ = &head_;
        head_.previous_ = last;
    }

    /// Calls `visit` for each node; it may unlink the node that it is given.
    template <class Visitor>
    void for_each(Visitor&& visit) const
    {
        for (list_node* node = head_.next_; node != &head_;) {
            list_node* following = node->next_;
            visit(static_cast<Node&>(*node));
            node = following;
        }
    }

private:
    static void insert(list_node& before, list_node& node) noexcept
    {
        node.previous_ = before.previous_;
        node.next_ = &before;
        before.previous_->next_ = &node;
        before.previous_ = &node;
    }

    list_node head_;
};

}  // namespace libnet::detail
